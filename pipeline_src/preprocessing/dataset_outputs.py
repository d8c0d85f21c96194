# SPDX-License-Identifier: MIT-0
"""Writes the records, their indices and the manifest, once all images are processed."""

import csv
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from pipeline_src import contract
from pipeline_src.dataset import dataset_plan, recordio_format
from pipeline_src.dataset.archive_pass import ArchivePass
from pipeline_src.runtime import worker_threads


def write_dataset_outputs(
    folders: Mapping[str, Path], archive_pass: ArchivePass, times: Mapping[int, int], workers: int
) -> None:
    """Write records, indices and manifest into `folders`, in three parallel tasks.

    Args:
        folders: output folders by name.
        archive_pass: the finished pass.
        times: number of records by image number, in the order of the numbers.
        workers: number of threads.

    Raises:
        OSError: for example the disk is full.
    """
    tasks: list[Callable[[], None]] = [
        *(
            partial(_write_records, folders, archive_pass, times, name)
            for name in (contract.TRAIN, contract.VALIDATION)
        ),
        partial(_write_manifest, folders, archive_pass, times),
    ]
    worker_threads.process_in_threads(iter(tasks), lambda task: task(), workers)


def _write_records(folders: Mapping[str, Path], archive_pass: ArchivePass, times: Mapping[int, int], name: str) -> None:
    """Write the records of the split `name`, and their index."""
    names = [row.image_id for row in archive_pass.plan.rows]
    chosen = {number: count for number, count in times.items() if archive_pass.plan.splits[number] == name}
    places = [archive_pass.outcomes[number].record for number in dataset_plan.shuffle_records(chosen, names)]
    archive_pass.records.copy(folders[name] / (name + contract.RECORDS_SUFFIX), places)
    index = folders[contract.DATASET_OUTPUT] / (name + contract.INDEX_SUFFIX)
    index.write_text(recordio_format.record_index(places), encoding="ascii")


def _write_manifest(folders: Mapping[str, Path], archive_pass: ArchivePass, times: Mapping[int, int]) -> None:
    """Write one line per image, in the columns of `contract.MANIFEST_COLUMNS`.

    The column `repeats` is the number of records: 1 for a validation image, 0 for an image that is not trained on.
    """
    plan = archive_pass.plan
    path = folders[contract.DATASET_OUTPUT] / contract.MANIFEST_FILE
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(contract.MANIFEST_COLUMNS)
        for number, count in times.items():
            row, outcome = plan.rows[number], archive_pass.outcomes[number]
            added = plan.origins[number] == contract.ADDITION_ORIGIN
            writer.writerow(
                (
                    *(row.image_id, row.lesion_id, row.label, plan.splits[number]),
                    *(outcome.sha256.hex(), outcome.size, count),
                    *(row.sex, row.age, row.localization, row.dx_type, row.source),
                    contract.ADDITION_ORIGIN if added else contract.BASE_ORIGIN,
                )
            )
