# SPDX-License-Identifier: MIT-0
"""From archives to a dataset: training and validation records, holdout pictures, manifest and card."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline_src import contract
from pipeline_src.lesions import balance, card, collection, leak, output, plan, split, staging, tally, workforce
from pipeline_src.lesions.archive import Archive
from pipeline_src.lesions.card import Part
from pipeline_src.lesions.collection import Collection
from pipeline_src.lesions.error import BadInputError
from pipeline_src.lesions.leak import Audit
from pipeline_src.lesions.option import Options
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
    """What the job is to do.

    Attributes:
        archive: the base archive.
        addition: an additional one, or None.
        outputs: the folders to write into, one for each of `OUTPUTS`.
        options: what the user decided.
        workers: how many threads share the work.
    """

    archive: Path
    addition: Path | None = None
    outputs: Mapping[str, Path]
    options: Options
    workers: int


def build(task: Task, progress: Progress) -> str:
    """Do `task`, telling `progress` after every so many images.

    Returns:
        The closing summary, lines of text.

    Raises:
        BadInputError: of an archive, its tables, a picture or an option; the folders are left empty.
        OSError: for example a full disk; likewise.
    """
    options = task.options
    with ExitStack() as stack:
        folders = stack.enter_context(staging.aside({name: task.outputs[name] for name in OUTPUTS}))
        options.check()
        archives = _opened(task, stack)
        planned = plan.make(archives, options)
        spill = stack.enter_context(Spill(folders[contract.TRAIN_OUTPUT]))
        sweep = Sweep(planned, folders[contract.HOLDOUT_OUTPUT], spill, progress)
        workforce.each(sweep.items(archives), sweep.do, task.workers)
        missing = _missing(sweep, options.allowed_missing, archives)
        audit = leak.find(sweep, sweep.duplicates(), options.near_duplicates, task.workers)
        found = _findings(sweep, options, missing, audit, archives)
        times = {number: _times(sweep, number, found) for number in sorted(sweep.outcomes)}
        output.write(folders, sweep, times, task.workers)
        (folders[contract.DATASET_OUTPUT] / contract.DATASET_CARD).write_text(card.text(found), encoding="utf-8")
        return card.summary(found)


def _opened(task: Task, stack: ExitStack) -> Collection:
    """Open the archives of `task`, to be closed with `stack`."""
    base = stack.enter_context(Archive(task.archive, hashed=True))
    if task.addition is None:
        return Collection(base)
    addition = Archive(task.addition, hashed=True, kind=collection.KIND)
    return Collection(base, stack.enter_context(addition))


def _parts(archives: Collection, sweep: Sweep, audit: Audit) -> dict[str, Part]:
    """Return what each archive is, by its origin."""
    used = [number for number in sorted(sweep.outcomes) if number not in audit.dropped]

    def part(origin: str) -> Part:
        numbers = [number for number in used if sweep.plan.origins[number] == origin]
        counts = tally.count((sweep.plan.rows[number], sweep.plan.splits[number]) for number in numbers)
        return Part(*archives.of(origin).fingerprint(), counts)

    origins = (contract.BASE,) if archives.addition is None else (contract.BASE, contract.ADDITION)
    return {origin: part(origin) for origin in origins}


def _findings(
    sweep: Sweep, options: Options, missing: Sequence[str], audit: Audit, archives: Collection
) -> card.Findings:
    """Return what there is to tell of the images."""
    splits = {number: sweep.plan.splits[number] for number in sorted(sweep.outcomes)}
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
        parts=_parts(archives, sweep, audit),
    )


def _check_trained(trained: Mapping[str, int]) -> None:
    for label, images in trained.items():
        if not images:
            raise BadInputError(
                f"class {label}: no image left in train: each shows the lesion of a held-out one and was left out. Add"
                " images of this class, remove the copies, or set NearDuplicates to report."
            )


def _missing(sweep: Sweep, allowed: int, archives: Collection) -> list[str]:
    """Return the ids of the images that the tables name and the archives lack, if they are not too many."""
    numbers = [number for number in range(len(sweep.plan.rows)) if number not in sweep.outcomes]
    missing = [sweep.plan.rows[number].image_id for number in numbers]
    if len(missing) > allowed:
        lacking = archives.of(sweep.plan.origins[numbers[0]])
        names = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        raise BadInputError(
            f"{lacking.place}: {len(missing)} images missing ({names}), {allowed} allowed; its inner zips are"
            f" {', '.join(lacking.parts)}. {lacking.kind.whole} Or allow as many with AllowedMissingImages."
        )
    return missing


def _times(sweep: Sweep, number: int, found: card.Findings) -> int:
    """Return how many records image `number` has."""
    if sweep.plan.splits[number] == contract.VALIDATION:
        return 1
    trained = sweep.plan.splits[number] == contract.TRAIN and number not in found.audit.dropped
    return found.repeats[sweep.plan.rows[number].label] if trained else 0
