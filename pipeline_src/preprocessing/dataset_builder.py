# SPDX-License-Identifier: MIT-0
"""Builds a dataset from archives: training and validation records, held-out images, manifest and dataset card."""

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
from pipeline_src.preprocessing import dataset_card, dataset_outputs, starting_manifest
from pipeline_src.preprocessing.dataset_card import ArchiveSummary
from pipeline_src.preprocessing.starting_manifest import ManifestImage
from pipeline_src.runtime import temporary_files, worker_threads
from pipeline_src.runtime.errors import BadInputError
from pipeline_src.runtime.temporary_files import RecordSpool

DATASET_OUTPUTS: Final = (
    contract.HOLDOUT_OUTPUT,
    contract.TRAIN_OUTPUT,
    contract.VALIDATION_OUTPUT,
    contract.DATASET_OUTPUT,  # filled last: if the dataset card is there, everything is
)


@dataclass(frozen=True, kw_only=True)
class PreprocessingTask:
    """Input of `build_dataset`.

    Attributes:
        archive: path of the base archive.
        addition: path of the additional archive, or None.
        outputs: output folders by name, one for each of `DATASET_OUTPUTS`.
        options: the job's parameters.
        workers: number of threads.
        starting: the manifest of the model that a warm start begins with, or None.
    """

    archive: Path
    addition: Path | None = None
    starting: Path | None = None
    outputs: Mapping[str, Path]
    options: PreprocessingOptions
    workers: int


def build_dataset(task: PreprocessingTask, progress: PassProgress) -> str:
    """Build the dataset of `task`, calling `progress` every few images.

    Returns:
        The summary, as lines of text.

    Raises:
        BadInputError: an archive, a table, an image or an option cannot be used. The output folders are left empty.
        OSError: for example the disk is full. The output folders are left empty.
    """
    options = task.options
    with ExitStack() as stack:
        folders = stack.enter_context(
            temporary_files.atomic_folders({name: task.outputs[name] for name in DATASET_OUTPUTS})
        )
        options.check()
        archives = _open_archives(task, stack)
        plan = dataset_plan.plan_dataset(archives, options)
        records = stack.enter_context(RecordSpool(folders[contract.TRAIN_OUTPUT]))
        archive_pass = ArchivePass(plan, folders[contract.HOLDOUT_OUTPUT], records, progress)
        worker_threads.process_in_threads(
            archive_pass.numbered_entries(archives), archive_pass.process_entry, task.workers
        )
        archive_pass.finish()
        missing = _missing_image_ids(archive_pass, options.allowed_missing, archives)
        audit = leak_audit.audit_leaks(archive_pass, options.near_duplicates, task.workers)
        found = _dataset_findings(archive_pass, options, missing, audit, archives)
        times = {number: _record_count(archive_pass, number, found) for number in sorted(archive_pass.outcomes)}
        started = _check_start(task.starting, archive_pass, times)
        dataset_outputs.write_dataset_outputs(folders, archive_pass, times, task.workers)
        (folders[contract.DATASET_OUTPUT] / contract.DATASET_CARD_FILE).write_text(
            dataset_card.dataset_card_json(found), encoding="utf-8"
        )
        return dataset_card.summarize_dataset(found) + started


def _check_start(starting: Path | None, archive_pass: ArchivePass, times: Mapping[int, int]) -> str:
    """Refuse a model to start from that knows held-out images; return a line for the summary, empty without one."""
    if starting is None:
        return ""
    plan, outcomes = archive_pass.plan, archive_pass.outcomes
    present = (
        ManifestImage(plan.rows[number].image_id, outcomes[number].sha256.hex(), plan.splits[number], count > 0)
        for number, count in times.items()
    )
    learned = starting_manifest.check_starting_manifest(starting, present)
    return f"\nWarm start: all {learned} images that the earlier model learned from are in train."


def _open_archives(task: PreprocessingTask, stack: ExitStack) -> ArchiveCollection:
    """Open the archives of `task`; `stack` closes them."""
    base = stack.enter_context(DatasetArchive(task.archive, hashed=True))
    base.check_members()
    if task.addition is None:
        return ArchiveCollection(base)
    addition = stack.enter_context(
        DatasetArchive(task.addition, hashed=True, kind=archive_collection.ADDITIONAL_DESCRIPTION)
    )
    addition.check_members()
    return ArchiveCollection(base, addition)


def _summarize_archives(
    archives: ArchiveCollection, archive_pass: ArchivePass, audit: LeakAudit
) -> dict[str, ArchiveSummary]:
    """Return a summary of each archive, by origin."""
    used = [number for number in sorted(archive_pass.outcomes) if number not in audit.dropped]

    def part(origin: str) -> ArchiveSummary:
        numbers = [number for number in used if archive_pass.plan.origins[number] == origin]
        counts = dataset_card.count_images(
            (archive_pass.plan.rows[number], archive_pass.plan.splits[number]) for number in numbers
        )
        return ArchiveSummary(*archives.of(origin).fingerprint(), counts)

    origins = (contract.BASE_ORIGIN,) if archives.addition is None else (contract.BASE_ORIGIN, contract.ADDITION_ORIGIN)
    return {origin: part(origin) for origin in origins}


def _dataset_findings(
    archive_pass: ArchivePass,
    options: PreprocessingOptions,
    missing: Sequence[str],
    audit: LeakAudit,
    archives: ArchiveCollection,
) -> dataset_card.DatasetFindings:
    """Return the contents of the dataset card."""
    splits = {number: archive_pass.plan.splits[number] for number in sorted(archive_pass.outcomes)}
    images = {
        number: (archive_pass.plan.rows[number], name) for number, name in splits.items() if name in contract.SPLITS
    }
    lesion_split.check_split_images(dataset_card.count_images(images.values()).images)
    used = [image for number, image in images.items() if number not in audit.dropped]
    counts = dataset_card.count_images(used)
    trained = dataset_card.counts_of_split(counts.images, contract.TRAIN)
    _check_trained(trained)
    return dataset_card.DatasetFindings(
        parameters=options.parameters(),
        image_size=options.image_size,
        rows=[row for row, _ in used],
        official=[archive_pass.plan.rows[number].label for number, name in splits.items() if name == contract.OFFICIAL],
        counts=counts,
        repeats=dataset_plan.records_per_image(trained, options.balance, options.repeat_cap),
        audit=audit,
        unlisted=archive_pass.unlisted,
        missing=missing,
        remarks=archive_pass.plan.remarks,
        image_remarks=archive_pass.remarked_images(),
        parts=_summarize_archives(archives, archive_pass, audit),
    )


def _check_trained(trained: Mapping[str, int]) -> None:
    for label, images in trained.items():
        if not images:
            raise BadInputError(
                f"class {label}: no image left in train: each shows the lesion of a held-out image and was left out."
                " Add images of this class, remove the copies, or set NearDuplicates to report."
            )


def _missing_image_ids(archive_pass: ArchivePass, allowed: int, archives: ArchiveCollection) -> list[str]:
    """Return the ids of the images that the tables name and the archives lack; refuse more than `allowed`."""
    numbers = [number for number in range(len(archive_pass.plan.rows)) if number not in archive_pass.outcomes]
    missing = [archive_pass.plan.rows[number].image_id for number in numbers]
    if len(missing) > allowed:
        lacking = archives.of(archive_pass.plan.origins[numbers[0]])
        names = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        raise BadInputError(
            f"{lacking.place}: {len(missing)} images missing ({names}), {allowed} allowed; its inner zips are"
            f" {', '.join(lacking.parts) or 'none'}.{_unlisted_text(archive_pass.unlisted)} {lacking.kind.whole}"
            " Or allow as many with AllowedMissingImages."
        )
    return missing


def _unlisted_text(unlisted: Sequence[str]) -> str:
    return f" It holds {len(unlisted)} images that no table names (first: {unlisted[0]})." if unlisted else ""


def _record_count(archive_pass: ArchivePass, number: int, found: dataset_card.DatasetFindings) -> int:
    """Return the number of records of image `number`."""
    if archive_pass.plan.splits[number] == contract.VALIDATION:
        return 1
    trained = archive_pass.plan.splits[number] == contract.TRAIN and number not in found.audit.dropped
    return found.repeats[archive_pass.plan.rows[number].label] if trained else 0
