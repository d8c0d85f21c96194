# SPDX-License-Identifier: MIT-0
"""The manifest: every image, its lesion, label, split and hash, how many records it has, and whom it shows.

What is written when all pictures are done: the records, their indices and the manifest.
"""

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pipeline_src import contract
from pipeline_src.dataset import dataset_plan, recordio_format
from pipeline_src.dataset.archive_pass import ArchivePass
from pipeline_src.runtime import worker_threads


class ManifestLine(NamedTuple):
    """One image, in the columns of `contract.MANIFEST_COLUMNS`.

    `repeats` counts its records: one for a validation image, none for one that no model is shown. `archive` says which
    archive it is of, `contract.BASE` or `contract.ADDITION`.
    """

    image_id: str
    lesion_id: str
    label: str
    split: str
    sha256: str
    bytes: int
    repeats: int
    sex: str
    age: str
    localization: str
    dx_type: str
    source: str
    archive: str


def manifest_csv(lines: Iterable[ManifestLine]) -> str:
    """Return the manifest as CSV, in the order of `lines`."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(contract.MANIFEST_COLUMNS)
    writer.writerows(lines)
    return file.getvalue()


def write_dataset_outputs(
    folders: Mapping[str, Path], sweep: ArchivePass, times: Mapping[int, int], workers: int
) -> None:
    """Write everything into `folders`: three tasks for the workers.

    Args:
        folders: of the outputs by name.
        sweep: after its pass.
        times: how many records each image has, by number and in that order.
        workers: how many threads share the work.

    Raises:
        OSError: for example a full disk.
    """
    records = (partial(_write_records, folders, sweep, times, name) for name in (contract.TRAIN, contract.VALIDATION))
    worker_threads.process_in_threads(
        iter((*records, partial(_write_manifest, folders, sweep, times))), _run_task, workers
    )


def _run_task(task: Callable[[], None]) -> None:
    task()


def _write_records(folders: Mapping[str, Path], sweep: ArchivePass, times: Mapping[int, int], name: str) -> None:
    """Write the records of the split `name` and their index."""
    names = [row.image_id for row in sweep.plan.rows]
    chosen = {number: count for number, count in times.items() if sweep.plan.splits[number] == name}
    places = [sweep.outcomes[number].record for number in dataset_plan.shuffle_records(chosen, names)]
    sweep.spill.copy(folders[name] / (name + contract.RECORDS_SUFFIX), places)
    index = folders[contract.DATASET_OUTPUT] / (name + contract.INDEX_SUFFIX)
    index.write_text(recordio_format.record_index(places), encoding="ascii")


def _write_manifest(folders: Mapping[str, Path], sweep: ArchivePass, times: Mapping[int, int]) -> None:
    lines = manifest_csv(_manifest_line(sweep, number, count) for number, count in times.items())
    (folders[contract.DATASET_OUTPUT] / contract.MANIFEST_FILE).write_text(lines, encoding="utf-8")


def _manifest_line(sweep: ArchivePass, number: int, count: int) -> ManifestLine:
    row, outcome = sweep.plan.rows[number], sweep.outcomes[number]
    added = sweep.plan.origins[number] == contract.ADDITION_ORIGIN
    return ManifestLine(
        *(row.image_id, row.lesion_id, row.label, sweep.plan.splits[number]),
        *(outcome.sha256.hex(), outcome.size, count),
        *(row.sex, row.age, row.localization, row.dx_type, row.source),
        contract.ADDITION_ORIGIN if added else contract.BASE_ORIGIN,
    )
