# SPDX-License-Identifier: MIT-0
"""Images and lesions counted by class and split."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pipeline_src import contract
from pipeline_src.lesions.metadata import Row


class Tally(NamedTuple):
    """Counts by class label and split; every class and split is there, be it with zero."""

    images: dict[str, dict[str, int]]
    lesions: dict[str, dict[str, int]]


def count(images: Iterable[tuple[Row, str]]) -> Tally:
    """Count `images`, each with its split, and their lesions."""
    tally, seen = Tally(_zeros(), _zeros()), set()
    for row, split in images:
        tally.images[row.label][split] += 1
        if row.lesion_id not in seen:
            seen.add(row.lesion_id)
            tally.lesions[row.label][split] += 1
    return tally


def of_split(counts: Mapping[str, Mapping[str, int]], split: str) -> dict[str, int]:
    """Return the counts of one split by class."""
    return {label: splits[split] for label, splits in counts.items()}


def table(tally: Tally, records: Mapping[str, int]) -> str:
    """Return the counts and the training `records` by class as lines of text."""
    titles = ("images", *contract.SPLITS, "lesions", "training records")
    lines: list[tuple[str, ...]] = [("class", *titles)]
    for label in contract.CLASS_LABELS:
        images, lesions = tally.images[label], sum(tally.lesions[label].values())
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


def _zeros() -> dict[str, dict[str, int]]:
    return {label: dict.fromkeys(contract.SPLITS, 0) for label in contract.CLASS_LABELS}
