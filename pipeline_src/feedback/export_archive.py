# SPDX-License-Identifier: MIT-0
"""Exports labelled production images as an additional archive, with a report.

A new archive contains everything of the earlier one, because the captures expire from which that was made. An image
is exported if it has exactly one label. Its labels are those of all requests that sent it, that of the earlier archive,
and that of its own image id, which a person can label after the capture has expired. Ids that several images share are
ignored.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pipeline_src import contract
from pipeline_src.dataset import metadata_tables, zip_entries
from pipeline_src.dataset.archive_directory import PRODUCTION_SOURCE, ArchiveDescription
from pipeline_src.dataset.ham10000_archive import DatasetArchive
from pipeline_src.dataset.metadata_tables import ImageMetadata
from pipeline_src.drift import ground_truth
from pipeline_src.feedback import archive_writer, captured_images
from pipeline_src.feedback.captured_images import CapturedImages, ImagePool, PooledImage
from pipeline_src.runtime import temporary_files
from pipeline_src.runtime.errors import BadInputError
from pipeline_src.runtime.temporary_files import RecordSpool

_REMEDY: Final = "Use the archive exactly as it was exported, or export without it."
EARLIER_DESCRIPTION: Final = ArchiveDescription("earlier additional archive", _REMEDY, _REMEDY)


def include_earlier_archive(path: Path, target: ImagePool) -> dict[str, str]:
    """Add every image of the archive at `path` to `target`, and return their labels by image id.

    Raises:
        BadInputError: it is not an exported archive, or an image in it is missing or changed.
    """
    with DatasetArchive(path, kind=EARLIER_DESCRIPTION) as archive:
        place, content = archive.metadata()
        labels = {row.image_id: row.label for row in _read_production_rows(place, content)}
        left = set(labels)
        for found in archive.entries():
            data = zip_entries.unpack_entry(found)
            name = found.name.rpartition("/")[2].rpartition(".")[0]
            if name not in left or captured_images.image_id_of_bytes(data) != name:
                raise BadInputError(f"{found.place}: is not the image that was exported under this name. {_REMEDY}")
            left.remove(name)
            target.add(data, label=labels[name])
    if left:
        raise BadInputError(f"{place}: {len(left)} images missing ({min(left)}). {_REMEDY}")
    return labels


def _read_production_rows(place: str, content: bytes) -> list[ImageMetadata]:
    rows = metadata_tables.read_metadata(place, content)
    for row in rows:
        if row.source != PRODUCTION_SOURCE or not row.image_id.startswith(captured_images.IMAGE_ID_PREFIX):
            raise BadInputError(
                f"{place}: image {row.image_id}: was not exported from production: not an additional archive. {_REMEDY}"
            )
    return rows


CONTRADICTING_LABELS: Final = "labels contradict each other"
AMBIGUOUS_ID: Final = "one id for different images"  # a key of export.json


@dataclass
class LabelSelection:
    """The images to export.

    Attributes:
        labels: labels of the exported images, by image id and in its order.
        left_out: image ids or request ids that are left out, by reason.
    """

    labels: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, list[str]] = field(default_factory=dict)


def select_labelled_images(pool: ImagePool, said: Mapping[str, set[str]]) -> LabelSelection:
    """Return the images of `pool` to export.

    Args:
        pool: all labelled images.
        said: all labels of each id.
    """
    found = LabelSelection()
    ambiguous = _ambiguous_ids(pool)
    for name, image in sorted(pool.images.items()):
        labels = _labels_of_image(name, image, said, ambiguous)
        if len(labels) == 1:
            found.labels[name] = min(labels)
        elif labels:
            found.left_out.setdefault(CONTRADICTING_LABELS, []).append(f"{name} ({' and '.join(sorted(labels))})")
    if ambiguous:
        found.left_out[AMBIGUOUS_ID] = sorted(ambiguous)
    return found


def _ambiguous_ids(pool: ImagePool) -> set[str]:
    """Return the ids that several images share."""
    counts = Counter(name for image in pool.images.values() for name in image.names)
    return {name for name, count in counts.items() if count > 1}


def _labels_of_image(name: str, image: PooledImage, said: Mapping[str, set[str]], ambiguous: set[str]) -> set[str]:
    labels = {label for asked in image.names - ambiguous for label in said[asked]} | said.get(name, set())
    return labels | ({image.label} if image.label else set())


CAPTURE_FOLDER: Final = "capture"  # inputs, as folders; the third is `contract.ADDITION_INPUT`
LABELS_FOLDER: Final = "labels"
EXPORT_REPORT_FILE: Final = "export.json"
UNMATCHED_LABEL: Final = "no captured request has this id"
EXPORT_OUTPUTS: Final = (contract.ADDITION_OUTPUT, contract.EXPORT_OUTPUT)
_SHOWN: Final = 5  # ids named in the report
_NOTHING: Final = "Nothing was exported and no archive was written."


@dataclass(frozen=True)
class ArchiveExport:
    """Result of an export.

    Attributes:
        archive: file name of the archive.
        report: content of export.json.
        message: the report in sentences.
    """

    archive: str
    report: dict[str, object]
    message: str


def export_labelled_images(inputs: Path, outputs: Path, workers: int) -> ArchiveExport:
    """Export from the folders below `inputs` into those below `outputs`.

    Raises:
        BadInputError: there is no label or no labelled image, the earlier archive already has them all, or a table or
            the earlier archive cannot be used. The outputs are left empty.
        OSError: for example the disk is full. The outputs are left empty.
    """
    with temporary_files.atomic_folders({name: outputs / name for name in EXPORT_OUTPUTS}) as asides:
        folder = asides[contract.ADDITION_OUTPUT]
        labels = _read_labels(inputs / LABELS_FOLDER)
        with RecordSpool(folder) as records:
            pool = ImagePool(records)
            before = _read_earlier_archive(inputs / contract.ADDITION_INPUT, pool)
            found = captured_images.collect_labelled_images(inputs / CAPTURE_FOLDER, labels.said.keys(), pool, workers)
            chosen = select_labelled_images(pool, labels.said)
            left_out = _left_out(chosen, found, labels, pool)
            _check_selection(chosen, before, found, left_out)
            archive = archive_writer.write_additional_archive(folder, chosen.labels, pool)
        made = _export_result(archive, chosen, before, found, left_out)
        (asides[contract.EXPORT_OUTPUT] / EXPORT_REPORT_FILE).write_text(
            json.dumps(made.report, indent=2) + "\n", encoding="utf-8"
        )
    return made


def _read_labels(folder: Path) -> ground_truth.ConfirmedLabels:
    found = ground_truth.read_confirmed_labels(folder)
    if found is None or not found.said:
        what = "no table of labels" if found is None else "no usable label in any table"
        raise BadInputError(f"{folder}: {what}. {_NOTHING} Give the confirmed classes by the ids of their requests.")
    return found


def _read_earlier_archive(folder: Path, pool: ImagePool) -> dict[str, str]:
    """Return the labels of the earlier archive in `folder`, empty if there is none."""
    found = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    if len(found) > 1:
        raise BadInputError(f"{folder}: {len(found)} files: give one earlier archive; it contains those before it.")
    if not found or contract.is_absent_file(found[0]):
        return {}
    return include_earlier_archive(found[0], pool)


def _left_out(
    chosen: LabelSelection, found: CapturedImages, labels: ground_truth.ConfirmedLabels, pool: ImagePool
) -> dict[str, list[str]]:
    """Return everything that is left out, by reason: ids, or places of lines and rows."""
    rejected = {
        reason: [f"{place}: {what}" for place, what in found.rejections.examples[reason]]
        for reason in found.rejections.counts
    }
    unknown = sorted(labels.said.keys() - found.seen - pool.images.keys())
    unmatched = {UNMATCHED_LABEL: unknown} if unknown else {}
    return dict(sorted((labels.problems | rejected | chosen.left_out | unmatched).items()))


def _check_selection(
    chosen: LabelSelection, before: Mapping[str, str], found: CapturedImages, left_out: Mapping[str, list[str]]
) -> None:
    if chosen.labels and chosen.labels != before:
        return
    counted = f"{found.captured:,} requests captured, {found.labelled:,} of them labelled"
    why = "; ".join(f"{reason}: {', '.join(names[:2])}" for reason, names in left_out.items())
    what = "nothing that the earlier archive does not contain" if chosen.labels else "no image with exactly one label"
    remedy = "Confirm more images" if chosen.labels else "Give labels with the ids of captured requests"
    raise BadInputError(f"export: {what} ({counted}{'; ' if why else ''}{why}). {_NOTHING} {remedy}.")


def _export_result(
    archive: Path,
    chosen: LabelSelection,
    before: Mapping[str, str],
    found: CapturedImages,
    left_out: Mapping[str, list[str]],
) -> ArchiveExport:
    counts = Counter(chosen.labels.values())
    by_class = {label: counts[label] for label in contract.CLASS_LABELS}
    new = len(chosen.labels.keys() - before.keys())
    numbers = {reason: found.rejections.counts.get(reason, len(names)) for reason, names in left_out.items()}
    report: dict[str, object] = {
        "schema": 1,
        "archive": {"name": archive.name, "sha256": archive.stem, "bytes": archive.stat().st_size},
        "captured": found.captured,
        "labelled": found.labelled,
        "exported": {"images": len(chosen.labels), "new": new, "by_class": by_class},
        "earlier": len(before),
        "left_out": {reason: {"count": numbers[reason], "first": names[:_SHOWN]} for reason, names in left_out.items()},
    }
    mix = ", ".join(f"{label} {count}" for label, count in by_class.items() if count)
    left = "; ".join(f"{reason} ({count:,})" for reason, count in numbers.items()) or "nothing"
    message = (
        f"Exported {len(chosen.labels):,} images ({mix}), {new:,} of them new, as {archive.name}. "
        f"{found.captured:,} requests were captured, {found.labelled:,} of them labelled. Left out: {left}."
    )
    return ArchiveExport(archive.name, report, message)
