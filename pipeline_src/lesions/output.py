# SPDX-License-Identifier: MIT-0
"""What is written when all pictures are done: the records, their indices and the manifest."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from pipeline_src import contract
from pipeline_src.lesions import balance, manifest, recordio, workforce
from pipeline_src.lesions.sweep import Sweep


def write(folders: Mapping[str, Path], sweep: Sweep, times: Mapping[int, int], workers: int) -> None:
    """Write everything into `folders`: three tasks for the workers.

    Args:
        folders: of the outputs by name.
        sweep: after its pass.
        times: how many records each image has, by number and in that order.
        workers: how many threads share the work.

    Raises:
        OSError: for example a full disk.
    """
    records = (partial(_records, folders, sweep, times, name) for name in (contract.TRAIN, contract.VALIDATION))
    workforce.each(iter((*records, partial(_manifest, folders, sweep, times))), _do, workers)


def _do(task: Callable[[], None]) -> None:
    task()


def _records(folders: Mapping[str, Path], sweep: Sweep, times: Mapping[int, int], name: str) -> None:
    """Write the records of the split `name` and their index."""
    names = [row.image_id for row in sweep.plan.rows]
    chosen = {number: count for number, count in times.items() if sweep.plan.splits[number] == name}
    places = [sweep.outcomes[number].record for number in balance.shuffled(chosen, names)]
    sweep.spill.copy(folders[name] / (name + contract.RECORDS_SUFFIX), places)
    index = folders[contract.DATASET_OUTPUT] / (name + contract.INDEX_SUFFIX)
    index.write_text(recordio.index(places), encoding="ascii")


def _manifest(folders: Mapping[str, Path], sweep: Sweep, times: Mapping[int, int]) -> None:
    lines = manifest.text(_line(sweep, number, count) for number, count in times.items())
    (folders[contract.DATASET_OUTPUT] / contract.MANIFEST).write_text(lines, encoding="utf-8")


def _line(sweep: Sweep, number: int, count: int) -> manifest.Line:
    row, outcome = sweep.plan.rows[number], sweep.outcomes[number]
    added = sweep.plan.origins[number] == contract.ADDITION
    return manifest.Line(
        *(row.image_id, row.lesion_id, row.label, sweep.plan.splits[number]),
        *(outcome.sha256.hex(), outcome.size, count),
        *(row.sex, row.age, row.localization, row.dx_type, row.source),
        contract.ADDITION if added else contract.BASE,
    )
