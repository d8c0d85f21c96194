# SPDX-License-Identifier: MIT-0
"""From an archive to a dataset: training and validation records, holdout pictures, manifest and card."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pipeline_src import contract
from pipeline_src.lesions import balance, card, leak, output, plan, split, staging, tally, workforce
from pipeline_src.lesions.archive import Archive
from pipeline_src.lesions.error import BadInputError
from pipeline_src.lesions.leak import Audit
from pipeline_src.lesions.option import Options
from pipeline_src.lesions.share import Share
from pipeline_src.lesions.spill import Spill
from pipeline_src.lesions.sweep import Progress, Sweep

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
        BadInputError: of the archive, its tables, a picture or an option; the folders are left empty.
        OSError: for example a full disk; likewise.
    """
    options, share = task.options, task.share
    with ExitStack() as stack:
        folders = stack.enter_context(staging.aside({name: task.outputs[name] for name in OUTPUTS}))
        options.check()
        archive = stack.enter_context(Archive(task.archive, hashed=share.first))
        planned = plan.make(archive, options, share)
        spill = stack.enter_context(Spill(folders[contract.TRAIN_OUTPUT]))
        sweep = Sweep(planned, folders[contract.HOLDOUT_OUTPUT], spill, progress)
        workforce.each(sweep.items(archive), sweep.do, task.workers)
        missing = _missing(sweep, options.allowed_missing, archive)
        audit = leak.find(sweep, sweep.duplicates(archive), options.near_duplicates, task.workers)
        found = _findings(sweep, options, missing, audit)
        times = {number: _times(sweep, number, found) for number in sorted(sweep.outcomes)}
        output.write(folders, sweep, times, task.workers)
        if not share.first:
            return f"Host {share.host + 1} of {share.hosts}: {len(sweep.outcomes)} images done."
        found = replace(found, archive=archive.fingerprint())
        (folders[contract.DATASET_OUTPUT] / contract.DATASET_CARD).write_text(card.text(found), encoding="utf-8")
        return card.summary(found)


def _findings(sweep: Sweep, options: Options, missing: Sequence[str], audit: Audit) -> card.Findings:
    """Return what every host can tell of all images, whichever host does them."""
    splits = {number: sweep.plan.splits[number] for number in sorted(sweep.facts)}
    images = {number: (sweep.plan.rows[number], name) for number, name in splits.items() if name in contract.SPLITS}
    split.check_images(tally.count(images.values()).images)
    used = [image for number, image in images.items() if number not in audit.dropped]
    counts = tally.count(used)
    trained = tally.of_split(counts.images, contract.TRAIN)
    _check_trained(trained)
    return card.Findings(
        parameters=options.parameters(),
        image_size=options.image_size,
        rows=[row for row, _ in used],
        official=[sweep.plan.rows[number].label for number, name in splits.items() if name == contract.OFFICIAL],
        tally=counts,
        repeats=balance.repeats(trained, options.balance, options.repeat_cap),
        audit=audit,
        unlisted=sweep.unlisted,
        missing=missing,
        remarks=sweep.plan.remarks,
    )


def _check_trained(trained: Mapping[str, int]) -> None:
    for label, images in trained.items():
        if not images:
            raise BadInputError(
                f"class {label}: no image left in train: each shows the lesion of a held-out one and was left out. Add"
                " images of this class, remove the copies, or set NearDuplicates to report."
            )


def _missing(sweep: Sweep, allowed: int, archive: Archive) -> list[str]:
    """Return the ids of the images that the tables name and the archive lacks, if they are not too many."""
    missing = [row.image_id for number, row in enumerate(sweep.plan.rows) if number not in sweep.facts]
    if len(missing) > allowed:
        names = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        raise BadInputError(
            f"{archive.place}: {len(missing)} images missing ({names}), {allowed} allowed; its inner zips are"
            f" {', '.join(archive.parts)}. Download the archive again with all its parts, or allow as many with"
            " AllowedMissingImages."
        )
    return missing


def _times(sweep: Sweep, number: int, found: card.Findings) -> int:
    """Return how many records image `number` has."""
    if sweep.plan.splits[number] == contract.VALIDATION:
        return 1
    trained = sweep.plan.splits[number] == contract.TRAIN and number not in found.audit.dropped
    return found.repeats[sweep.plan.rows[number].label] if trained else 0
