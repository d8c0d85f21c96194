# SPDX-License-Identifier: MIT-0
"""A training job of `fine_tuning` on colored squares of 32 pixels, which takes seconds."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline_src import contract
from pipeline_src.algorithms import training_channel
from pipeline_src.algorithms.fine_tuning.training_loop import TrainingData
from tests import colored_records

REPOSITORY = Path(__file__).parents[2]
MODULE = "pipeline_src.algorithms.fine_tuning.fine_tuning_job"
CLASSES = len(contract.CLASS_LABELS)
SAMPLES = colored_records.PER_CLASS["train"] * CLASSES
# Three epochs of two steps: what stops and continues needs no good model.
SHORT = {
    "num_classes": str(CLASSES),
    "num_training_samples": str(SAMPLES),
    "image_shape": f"3,{colored_records.SIDE},{colored_records.SIDE}",
    "seed": "3",
    "epochs": "3",
    "batch_size": "32",
}


def scan() -> TrainingData:
    """Return the channels of the room in ML_ROOT."""
    return TrainingData(
        *(training_channel.scan_channel(name, colored_records.SIDE) for name in ("train", "validation"))
    )


@dataclass
class TrainingRoom:
    """The /opt/ml of one host."""

    root: Path

    def prepare(self, hosts: Mapping[str, Any] | None = None, **hyperparameters: str) -> None:
        """Write channels, hyperparameters.json and, for several hosts, resourceconfig.json."""
        for channel, content in colored_records.channels().items():
            folder = self.root / "input/data" / channel
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{channel}.rec").write_bytes(content)
        self.configure(**hyperparameters)
        if hosts:
            self._write("resourceconfig.json", hosts)

    def configure(self, **hyperparameters: str) -> None:
        """Write hyperparameters.json."""
        self._write("hyperparameters.json", SHORT | hyperparameters)

    def start(self, *, cores: int = 2, **options: Any) -> "subprocess.Popen[str]":
        """Start the job on `cores` of this machine's cores."""
        chosen = sorted(os.sched_getaffinity(0))[:cores]
        return subprocess.Popen(
            [sys.executable, "-m", MODULE],
            cwd=REPOSITORY,
            env=os.environ | {"ML_ROOT": str(self.root)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, chosen),  # noqa: PLW1509  no threads yet
            start_new_session=True,
            **options,
        )

    def run(self, *, cores: int = 2) -> tuple[int, str]:
        """Run the job to its end; return exit code and log."""
        job = self.start(cores=cores)
        log, _ = job.communicate()
        return job.returncode, log

    def reason(self) -> str:
        """Return the reason of the failure."""
        return (self.root / "output/failure").read_text(encoding="utf-8")

    def model(self) -> dict[str, bytes]:
        """Return the files of the model by name."""
        return {path.name: path.read_bytes() for path in sorted((self.root / "model").glob("*"))}

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        path = self.root / "input/config" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")
