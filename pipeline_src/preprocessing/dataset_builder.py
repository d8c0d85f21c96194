# SPDX-License-Identifier: MIT-0
"""From archives to a dataset: training and validation records, holdout pictures, manifest and card."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline_src import contract
from pipeline_src.dataset import archive_collection, dataset_plan, lesion_split
from pipeline_src.dataset.archive_collection import ArchiveCollection
from pipeline_src.dataset.archive_pass import ArchivePass, PassProgress
from pipeline_src.dataset.dataset_plan import PreprocessingOptions
from pipeline_src.dataset.ham10000_archive import DatasetArchive
from pipeline_src.leakage import leak_audit
from pipeline_src.leakage.leak_audit import LeakAudit
from pipeline_src.preprocessing import dataset_card, dataset_outputs
from pipeline_src.preprocessing.dataset_card import ArchiveSummary
from pipeline_src.runtime import temporary_files, worker_threads
from pipeline_src.runtime.errors import BadInputError
from pipeline_src.runtime.temporary_files import RecordSpool

DATASET_OUTPUTS: Final = (
    contract.HOLDOUT_OUTPUT,
    contract.TRAIN_OUTPUT,
    contract.VALIDATION_OUTPUT,
    contract.DATASET_OUTPUT,  # the last: where its card is, all of it is there
)


@dataclass(frozen=True, kw_only=True)
class PreprocessingTask:
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
    options: PreprocessingOptions
    workers: int


def build_dataset(task: PreprocessingTask, progress: PassProgress) -> str:
    """Do `task`, telling `progress` after every so many images.

    Returns:
        The closing summary, lines of text.

    Raises:
        BadInputError: of an archive, its tables, a picture or an option; the folders are left empty.
        OSError: for example a full disk; likewise.
    """
    options = task.options
    with ExitStack() as stack:
        folders = stack.enter_context(
            temporary_files.atomic_folders({name: task.outputs[name] for name in DATASET_OUTPUTS})
        )
        options.check()
        archives = _open_archives(task, stack)
        planned = dataset_plan.plan_dataset(archives, options)
        spill = stack.enter_context(RecordSpool(folders[contract.TRAIN_OUTPUT]))
        sweep = ArchivePass(planned, folders[contract.HOLDOUT_OUTPUT], spill, progress)
        worker_threads.process_in_threads(sweep.items(archives), sweep.do, task.workers)
        missing = _missing_image_ids(sweep, options.allowed_missing, archives)
        audit = leak_audit.audit_leaks(sweep, sweep.duplicates(), options.near_duplicates, task.workers)
        found = _dataset_findings(sweep, options, missing, audit, archives)
        times = {number: _record_count(sweep, number, found) for number in sorted(sweep.outcomes)}
        dataset_outputs.write_dataset_outputs(folders, sweep, times, task.workers)
        (folders[contract.DATASET_OUTPUT] / contract.DATASET_CARD_FILE).write_text(
            dataset_card.dataset_card_json(found), encoding="utf-8"
        )
        return dataset_card.summarize_dataset(found)


def _open_archives(task: PreprocessingTask, stack: ExitStack) -> ArchiveCollection:
    """Open the archives of `task`, to be closed with `stack`."""
    base = stack.enter_context(DatasetArchive(task.archive, hashed=True))
    if task.addition is None:
        return ArchiveCollection(base)
    addition = DatasetArchive(task.addition, hashed=True, kind=archive_collection.ADDITIONAL_DESCRIPTION)
    return ArchiveCollection(base, stack.enter_context(addition))


def _summarize_archives(archives: ArchiveCollection, sweep: ArchivePass, audit: LeakAudit) -> dict[str, ArchiveSummary]:
    """Return what each archive is, by its origin."""
    used = [number for number in sorted(sweep.outcomes) if number not in audit.dropped]

    def part(origin: str) -> ArchiveSummary:
        numbers = [number for number in used if sweep.plan.origins[number] == origin]
        counts = dataset_card.count_images((sweep.plan.rows[number], sweep.plan.splits[number]) for number in numbers)
        return ArchiveSummary(*archives.of(origin).fingerprint(), counts)

    origins = (contract.BASE_ORIGIN,) if archives.addition is None else (contract.BASE_ORIGIN, contract.ADDITION_ORIGIN)
    return {origin: part(origin) for origin in origins}


def _dataset_findings(
    sweep: ArchivePass,
    options: PreprocessingOptions,
    missing: Sequence[str],
    audit: LeakAudit,
    archives: ArchiveCollection,
) -> dataset_card.DatasetFindings:
    """Return what there is to tell of the images."""
    splits = {number: sweep.plan.splits[number] for number in sorted(sweep.outcomes)}
    images = {number: (sweep.plan.rows[number], name) for number, name in splits.items() if name in contract.SPLITS}
    lesion_split.check_split_images(dataset_card.count_images(images.values()).images)
    used = [image for number, image in images.items() if number not in audit.dropped]
    counts = dataset_card.count_images(used)
    trained = dataset_card.counts_of_split(counts.images, contract.TRAIN)
    _check_trained(trained)
    return dataset_card.DatasetFindings(
        parameters=options.parameters(),
        image_size=options.image_size,
        rows=[row for row, _ in used],
        official=[sweep.plan.rows[number].label for number, name in splits.items() if name == contract.OFFICIAL],
        tally=counts,
        repeats=dataset_plan.records_per_image(trained, options.balance, options.repeat_cap),
        audit=audit,
        unlisted=sweep.unlisted,
        missing=missing,
        remarks=sweep.plan.remarks,
        parts=_summarize_archives(archives, sweep, audit),
    )


def _check_trained(trained: Mapping[str, int]) -> None:
    for label, images in trained.items():
        if not images:
            raise BadInputError(
                f"class {label}: no image left in train: each shows the lesion of a held-out one and was left out. Add"
                " images of this class, remove the copies, or set NearDuplicates to report."
            )


def _missing_image_ids(sweep: ArchivePass, allowed: int, archives: ArchiveCollection) -> list[str]:
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


def _record_count(sweep: ArchivePass, number: int, found: dataset_card.DatasetFindings) -> int:
    """Return how many records image `number` has."""
    if sweep.plan.splits[number] == contract.VALIDATION:
        return 1
    trained = sweep.plan.splits[number] == contract.TRAIN and number not in found.audit.dropped
    return found.repeats[sweep.plan.rows[number].label] if trained else 0
