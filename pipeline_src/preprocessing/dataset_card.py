# SPDX-License-Identifier: MIT-0
"""The dataset card: contents of the archives and of the dataset, for JsonGet, the report and auditors."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from pipeline_src import contract
from pipeline_src.dataset import image_codec, lesion_split
from pipeline_src.dataset.metadata_tables import ImageMetadata
from pipeline_src.leakage.leak_audit import LeakAudit


class ImageCounts(NamedTuple):
    """Counts by class label and split, including zeros."""

    images: dict[str, dict[str, int]]
    lesions: dict[str, dict[str, int]]


def count_images(images: Iterable[tuple[ImageMetadata, str]]) -> ImageCounts:
    """Count `images`, each with its split, and their lesions."""
    counts, seen = ImageCounts(_zero_counts(), _zero_counts()), set()
    for row, split in images:
        counts.images[row.label][split] += 1
        if row.lesion_id not in seen:
            seen.add(row.lesion_id)
            counts.lesions[row.label][split] += 1
    return counts


def counts_of_split(counts: Mapping[str, Mapping[str, int]], split: str) -> dict[str, int]:
    """Return the counts of one split by class."""
    return {label: splits[split] for label, splits in counts.items()}


def counts_table(counts: ImageCounts, records: Mapping[str, int]) -> str:
    """Return the counts and the training `records` by class, as a text table."""
    titles = ("images", *contract.SPLITS, "lesions", "training records")
    lines: list[tuple[str, ...]] = [("class", *titles)]
    for label in contract.CLASS_LABELS:
        images, lesions = counts.images[label], sum(counts.lesions[label].values())
        figures = (sum(images.values()), *(images[split] for split in contract.SPLITS), lesions, records[label])
        lines.append((label, *(str(figure) for figure in figures)))
    sums = (str(sum(int(line[column]) for line in lines[1:])) for column in range(1, len(titles) + 1))
    lines.append(("all", *sums))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]
        )
        for line in lines
    )


def _zero_counts() -> dict[str, dict[str, int]]:
    return {label: dict.fromkeys(contract.SPLITS, 0) for label in contract.CLASS_LABELS}


_EXAMPLES: Final = 20


class ArchiveSummary(NamedTuple):
    """SHA-256 and size in bytes of an archive, and the counts of its images that are used."""

    sha256: str
    size: int
    counts: ImageCounts

    def as_json(self) -> dict[str, object]:
        """Return its entry in the card."""
        images, lesions = _sum_counts(self.counts.images), _sum_counts(self.counts.lesions)
        counts = {"images": images["total"], "lesions": lesions["total"], "images_by_split": images["by_split"]}
        return {"sha256": self.sha256, "bytes": self.size, **counts}


_NO_ARCHIVE: Final = ArchiveSummary(contract.NO_ADDITION, 0, count_images(()))


@dataclass(frozen=True, kw_only=True)
class DatasetFindings:
    """Contents of the card.

    Attributes:
        parameters: the job's options by pipeline parameter name.
        image_size: side of the recorded images in pixels.
        rows: the images in use, without missing images and without those left out of training.
        official: labels of the images of the official test set, which is not one of the splits.
        counts: counts of `rows`.
        repeats: records per training image, by class.
        audit: the leak audit.
        unlisted: ids of images that no table names.
        missing: ids in a table without an image.
        remarks: remarks of the plan.
        image_remarks: ids of the images with remarks, by remark, see `image_codec`.
        parts: the archives by origin.
    """

    parameters: Mapping[str, str]
    image_size: int
    rows: Sequence[ImageMetadata]
    official: Sequence[str]
    counts: ImageCounts
    repeats: Mapping[str, int]
    audit: LeakAudit
    unlisted: Sequence[str]
    missing: Sequence[str]
    remarks: Sequence[str]
    image_remarks: Mapping[str, Sequence[str]]
    parts: Mapping[str, ArchiveSummary]


def count_training_records(counts: ImageCounts, repeats: Mapping[str, int]) -> dict[str, int]:
    """Return the number of training records by class."""
    return {label: images * repeats[label] for label, images in counts_of_split(counts.images, contract.TRAIN).items()}


def dataset_warnings(found: DatasetFindings) -> list[str]:
    """Return the warnings that apply to every figure computed from this dataset, images that are not used first."""
    losses = []
    if found.missing:
        losses.append(f"{len(found.missing)} images of the tables are missing in the archive.")
    if found.unlisted:
        losses.append(f"{len(found.unlisted)} images of the archive are in no table and were left out.")
    return [
        *losses,
        *found.audit.warnings(),
        *found.remarks,
        *image_codec.remark_warnings(found.image_remarks),
        *lesion_split.thin_class_warnings(found.counts.lesions),
    ]


def dataset_card_json(found: DatasetFindings) -> str:
    """Return the card as JSON."""
    records = count_training_records(found.counts, found.repeats)
    card = {
        "schema": 1,
        "archive": found.parts[contract.BASE_ORIGIN].as_json(),
        "addition": found.parts.get(contract.ADDITION_ORIGIN, _NO_ARCHIVE).as_json(),
        "parameters": found.parameters,
        "image_size": found.image_size,
        "sources": dict(sorted(Counter(row.source for row in found.rows).items())),
        "images": _sum_counts(found.counts.images),
        "lesions": _sum_counts(found.counts.lesions),
        "training_records": {"total": sum(records.values()), "by_class": records},
        "hyperparameters": {
            "num_classes": str(len(contract.CLASS_LABELS)),
            "num_training_samples": str(sum(records.values())),
        },
        "official": _official_counts(found.official),
        "leakage": found.audit.as_json(),
        "duplicates_across_lesions": found.audit.equal,
        "image_remarks": {
            remark: _examples(found.image_remarks.get(remark, ())) for remark in image_codec.REMARK_TEXTS
        },
        "images_without_metadata": _examples(found.unlisted),
        "metadata_without_image": found.missing,
        "ages_missing": sum(not row.aged for row in found.rows),
        "warnings": dataset_warnings(found),
    }
    return json.dumps(card, indent=2) + "\n"


def summarize_dataset(found: DatasetFindings) -> str:
    """Return the counts and the warnings as lines of text."""
    table = counts_table(found.counts, count_training_records(found.counts, found.repeats))
    more = (
        [_describe_addition(found.parts[contract.ADDITION_ORIGIN])] if contract.ADDITION_ORIGIN in found.parts else []
    )
    return "\n".join([table, *more, *(f"warning: {line}" for line in dataset_warnings(found))])


def _describe_addition(added: ArchiveSummary) -> str:
    """Return the additional archive's share of the counts as text."""
    images = {split: sum(counts_of_split(added.counts.images, split).values()) for split in contract.SPLITS}
    where = ", ".join(f"{count} in {split}" for split, count in images.items() if count)
    return f"of them from the additional archive {added.sha256[:12]}: {sum(images.values())} images: {where}"


def _sum_counts(counts: Mapping[str, Mapping[str, int]]) -> dict[str, object]:
    return {
        "total": sum(sum(splits.values()) for splits in counts.values()),
        "by_split": {name: sum(splits[name] for splits in counts.values()) for name in contract.SPLITS},
        "by_class": {label: sum(splits.values()) for label, splits in counts.items()},
        "by_class_and_split": counts,
    }


def _official_counts(labels: Sequence[str]) -> dict[str, object] | None:
    """Return the counts of the official test set, or None where there is none."""
    counts = Counter(labels)
    by_class = {label: counts[label] for label in contract.CLASS_LABELS}
    return {"images": len(labels), "by_class": by_class} if labels else None


def _examples(image_ids: Sequence[str]) -> dict[str, object]:
    return {"count": len(image_ids), "examples": sorted(image_ids)[:_EXAMPLES]}
