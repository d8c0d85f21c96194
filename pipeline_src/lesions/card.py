# SPDX-License-Identifier: MIT-0
"""The dataset card: what the archive held and what became of it, for JsonGet, for the report and for an auditor."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from pipeline_src import contract
from pipeline_src.lesions import split, tally
from pipeline_src.lesions.leak import Audit
from pipeline_src.lesions.metadata import Row
from pipeline_src.lesions.tally import Tally

_EXAMPLES: Final = 20


class Part(NamedTuple):
    """An archive: its SHA-256, its size in bytes, and the counts of its images that are used."""

    sha256: str
    size: int
    tally: Tally

    def as_json(self) -> dict[str, object]:
        """Return what the card says of it."""
        images, lesions = _sums(self.tally.images), _sums(self.tally.lesions)
        counts = {"images": images["total"], "lesions": lesions["total"], "images_by_split": images["by_split"]}
        return {"sha256": self.sha256, "bytes": self.size, **counts}


_NO_PART: Final = Part(contract.NO_ADDITION, 0, tally.count(()))


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What the card tells.

    Attributes:
        parameters: the job's options by the names of the pipeline's parameters.
        image_size: side of the recorded pictures in pixels.
        rows: the images, without those that are missing or left out of training.
        official: the labels of the images of the official test set, which is none of the splits.
        tally: the counts of `rows`.
        repeats: how often a training image of each class is recorded.
        audit: lesions in more than one split.
        unlisted: ids of images that no table names.
        missing: ids that a table names without an image.
        remarks: of the plan.
        parts: the archives by origin.
    """

    parameters: Mapping[str, str]
    image_size: int
    rows: Sequence[Row]
    official: Sequence[str]
    tally: Tally
    repeats: Mapping[str, int]
    audit: Audit
    unlisted: Sequence[str]
    missing: Sequence[str]
    remarks: Sequence[str]
    parts: Mapping[str, Part]


def training_records(counts: Tally, repeats: Mapping[str, int]) -> dict[str, int]:
    """Return the number of training records by class."""
    return {label: images * repeats[label] for label, images in tally.of_split(counts.images, contract.TRAIN).items()}


def warnings(found: Findings) -> list[str]:
    """Return what a reader of any figure made from this dataset should know."""
    lines = [*found.audit.warnings(), *found.remarks, *split.thin(found.tally.lesions)]
    if found.missing:
        lines.append(f"{len(found.missing)} images of the tables are missing in the archive and were left out.")
    if found.unlisted:
        lines.append(f"{len(found.unlisted)} images of the archive are in no table and were left out.")
    return lines


def text(found: Findings) -> str:
    """Return the card as JSON."""
    records = training_records(found.tally, found.repeats)
    card = {
        "schema": 1,
        "archive": found.parts[contract.BASE].as_json(),
        "addition": found.parts.get(contract.ADDITION, _NO_PART).as_json(),
        "parameters": found.parameters,
        "image_size": found.image_size,
        "sources": dict(sorted(Counter(row.source for row in found.rows).items())),
        "images": _sums(found.tally.images),
        "lesions": _sums(found.tally.lesions),
        "training_records": {"total": sum(records.values()), "by_class": records},
        "hyperparameters": {
            "num_classes": str(len(contract.CLASS_LABELS)),
            "num_training_samples": str(sum(records.values())),
        },
        "official": _official(found.official),
        "leakage": found.audit.as_json(),
        "duplicates_across_lesions": found.audit.equal,
        "images_without_metadata": _examples(found.unlisted),
        "metadata_without_image": found.missing,
        "ages_missing": sum(not row.aged for row in found.rows),
        "warnings": warnings(found),
    }
    return json.dumps(card, indent=2) + "\n"


def summary(found: Findings) -> str:
    """Return the counts and the warnings as lines of text."""
    table = tally.table(found.tally, training_records(found.tally, found.repeats))
    more = [_told(found.parts[contract.ADDITION])] if contract.ADDITION in found.parts else []
    return "\n".join([table, *more, *(f"warning: {line}" for line in warnings(found))])


def _told(added: Part) -> str:
    """Return in words what of the counts is of the additional archive."""
    images = {split: sum(tally.of_split(added.tally.images, split).values()) for split in contract.SPLITS}
    where = ", ".join(f"{count} in {split}" for split, count in images.items() if count)
    return f"of them from the additional archive {added.sha256[:12]}: {sum(images.values())} images: {where}"


def _sums(counts: Mapping[str, Mapping[str, int]]) -> dict[str, object]:
    return {
        "total": sum(sum(splits.values()) for splits in counts.values()),
        "by_split": {name: sum(splits[name] for splits in counts.values()) for name in contract.SPLITS},
        "by_class": {label: sum(splits.values()) for label, splits in counts.items()},
        "by_class_and_split": counts,
    }


def _official(labels: Sequence[str]) -> dict[str, object] | None:
    """Return the counts of the official test set, or None where there is none."""
    counts = Counter(labels)
    by_class = {label: counts[label] for label in contract.CLASS_LABELS}
    return {"images": len(labels), "by_class": by_class} if labels else None


def _examples(image_ids: Sequence[str]) -> dict[str, object]:
    return {"count": len(image_ids), "examples": sorted(image_ids)[:_EXAMPLES]}
