# SPDX-License-Identifier: MIT-0
"""The /opt/ml of one Export job: what was captured, what was confirmed, and what was exported before."""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline_src import contract
from pipeline_src.dataset import metadata_tables
from pipeline_src.dataset.metadata_tables import ImageMetadata
from pipeline_src.jobs import export
from pipeline_src.runtime import job_exit
from tests.jobs.drift import stream


@dataclass(frozen=True)
class Desk:
    """The folders of one job, below the folder that stands for /opt/ml, which `ML_ROOT` must name."""

    root: Path

    def capture(self, *requests: object, name: str = "a.jsonl") -> None:
        """Add a captured file of `requests`, each a captured request or a raw line."""
        stream.write(stream.Room(self.root), requests, name)

    def label(self, labels: Mapping[str, str], name: str = "labels.csv") -> None:
        """Add a table of confirmed labels."""
        rows = "".join(f"{asked},{label}\n" for asked, label in labels.items())
        self.put("labels", name, f"id,label\n{rows}".encode())

    def add(self, data: bytes, name: str = "earlier.zip") -> None:
        """Make `data` the earlier archive."""
        self.put(contract.ADDITION_INPUT, name, data)

    def put(self, channel: str, name: str, data: bytes) -> None:
        """Put a file into an input channel."""
        folder = self.root / "processing/input" / channel
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)

    def run(self) -> int:
        """Run the job in this process; return its exit code."""
        return job_exit.run_job(export.run_export)

    def archives(self) -> dict[str, bytes]:
        """Return what was written as an archive, by name."""
        folder = self.root / "processing/output/addition"
        return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}

    def archive(self) -> bytes:
        """Return the one archive."""
        (found,) = self.archives().values()
        return found

    def told(self) -> dict:
        """Return export.json."""
        return json.loads((self.root / "processing/output/export/export.json").read_bytes())

    def message(self) -> str:
        """Return how the job ended, as the service shows it."""
        return (self.root / "output/message").read_text()


def unpacked(data: bytes) -> tuple[list[ImageMetadata], dict[str, bytes]]:
    """Return the rows and the pictures, by name, of an additional archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        rows = metadata_tables.read_metadata("table", archive.read("HAM10000_metadata"))
        with zipfile.ZipFile(io.BytesIO(archive.read("HAM10000_images_part_1.zip"))) as part:
            assert part.testzip() is None
            return rows, {name: part.read(name) for name in part.namelist()}


def name_of(number: int) -> str:
    """Return the id by which request `number` was asked for."""
    return f"ISIC_{number:07d}"
