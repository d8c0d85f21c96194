# SPDX-License-Identifier: MIT-0
"""From an archive to a dataset: training and validation records, holdout pictures, manifest and card."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from pipeline_src import contract
from pipeline_src.lesions import balance, card, manifest, metadata, recordio, split, staging, tally, workforce
from pipeline_src.lesions.archive import Archive
from pipeline_src.lesions.error import BadInputError
from pipeline_src.lesions.option import Options
from pipeline_src.lesions.share import Share
from pipeline_src.lesions.spill import Spill
from pipeline_src.lesions.sweep import Plan, Progress, Sweep

OUTPUTS: Final = (
    contract.HOLDOUT_OUTPUT,
    contract.TRAIN_OUTPUT,
    contract.VALIDATION_OUTPUT,
    contract.DATASET_OUTPUT,  # the last: where its card is, all of it is there
)


@dataclass(frozen=True, kw_only=True)
class Task:
    """What one host is to do: its share of `archive`, into the folders `outputs`, one for each of `OUTPUTS`."""

    archive: Path
    outputs: Mapping[str, Path]
    options: Options
    share: Share
    workers: int


def build(task: Task, progress: Progress) -> str:
    """Do `task`, telling `progress` after every so many images.

    Returns:
        The closing summary, lines of text.

    Raises:
        BadInputError: of the archive, its table, a picture or an option; the folders are left empty.
        OSError: for example a full disk; likewise.
    """
    options, share = task.options, task.share
    with ExitStack() as stack:
        folders = stack.enter_context(staging.aside({name: task.outputs[name] for name in OUTPUTS}))
        options.check()
        archive = stack.enter_context(Archive(task.archive, hashed=share.first))
        place, content = archive.metadata()
        rows = metadata.parse(place, content)
        assigned = split.assign(rows, options.fractions)
        spill = stack.enter_context(Spill(folders[contract.TRAIN_OUTPUT]))
        plan = Plan(rows, assigned.by_lesion, share, options.image_size)
        sweep = Sweep(plan, folders[contract.HOLDOUT_OUTPUT], spill, progress)
        workforce.each(sweep.items(archive), sweep.do, task.workers)
        found = _findings(sweep, options, _missing(sweep, options.allowed_missing, archive), assigned.remarks)
        _write(folders, sweep, found.repeats, task.workers)
        if not share.first:
            return f"Host {share.host + 1} of {share.hosts}: {len(sweep.outcomes)} images done."
        found = replace(found, archive=archive.fingerprint(), duplicates=sweep.duplicates(archive))
        (folders[contract.DATASET_OUTPUT] / contract.DATASET_CARD).write_text(card.text(found), encoding="utf-8")
        return card.summary(found)


def _findings(sweep: Sweep, options: Options, missing: Sequence[str], remarks: Sequence[str]) -> card.Findings:
    """Return what every host can tell of all images, whichever host does them."""
    rows = [row for number, row in enumerate(sweep.plan.rows) if number in sweep.facts]
    counts = tally.count(rows, sweep.plan.by_lesion)
    split.check_images(counts.images)
    trained = tally.of_split(counts.images, contract.TRAIN)
    return card.Findings(
        image_size=options.image_size,
        rows=rows,
        by_lesion=sweep.plan.by_lesion,
        tally=counts,
        repeats=balance.repeats(trained, options.balance, options.repeat_cap),
        unlisted=sweep.unlisted,
        missing=missing,
        remarks=remarks,
    )


def _missing(sweep: Sweep, allowed: int, archive: Archive) -> list[str]:
    """Return the ids of the images that the table names and the archive lacks, if they are not too many."""
    missing = [row.image_id for number, row in enumerate(sweep.plan.rows) if number not in sweep.facts]
    if len(missing) > allowed:
        names = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        raise BadInputError(
            f"{archive.place}: {len(missing)} images missing ({names}), {allowed} allowed; its inner zips are"
            f" {', '.join(archive.parts)}. Download the archive again with all its parts, or allow as many with"
            " AllowedMissingImages."
        )
    return missing


def _write(folders: Mapping[str, Path], sweep: Sweep, repeats: Mapping[str, int], workers: int) -> None:
    """Write the records, their indices and the manifest: three tasks for the workers."""
    times = {number: _times(sweep, number, repeats) for number in sorted(sweep.outcomes)}
    records = (partial(_records, folders, sweep, times, name) for name in (contract.TRAIN, contract.VALIDATION))
    workforce.each(iter((*records, partial(_manifest, folders, sweep, times))), _do, workers)


def _do(task: Callable[[], None]) -> None:
    task()


def _records(folders: Mapping[str, Path], sweep: Sweep, times: Mapping[int, int], name: str) -> None:
    """Write the records of the split `name` and their index."""
    share, names = sweep.plan.share, [row.image_id for row in sweep.plan.rows]
    chosen = {number: count for number, count in times.items() if sweep.plan.split(number) == name}
    places = [sweep.outcomes[number].record for number in balance.shuffled(chosen, names)]
    sweep.spill.copy(folders[name] / share.name(name + contract.RECORDS_SUFFIX), places)
    index = folders[contract.DATASET_OUTPUT] / share.name(name + contract.INDEX_SUFFIX)
    index.write_text(recordio.index(places), encoding="ascii")


def _manifest(folders: Mapping[str, Path], sweep: Sweep, times: Mapping[int, int]) -> None:
    lines = manifest.text(_line(sweep, number, count) for number, count in times.items())
    path = folders[contract.DATASET_OUTPUT] / sweep.plan.share.name(contract.MANIFEST)
    path.write_text(lines, encoding="utf-8")


def _times(sweep: Sweep, number: int, repeats: Mapping[str, int]) -> int:
    """Return how many records image `number` has."""
    held_out = {contract.VALIDATION: 1, contract.TEST: 0}
    return held_out.get(sweep.plan.split(number), repeats[sweep.plan.rows[number].label])


def _line(sweep: Sweep, number: int, count: int) -> manifest.Line:
    row, outcome = sweep.plan.rows[number], sweep.outcomes[number]
    return manifest.Line(
        row.image_id, row.lesion_id, row.label, sweep.plan.split(number), outcome.sha256.hex(), outcome.size, count
    )
