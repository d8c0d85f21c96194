# SPDX-License-Identifier: MIT-0
"""One export, from captured requests and labels to an additional archive and what is told of it."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline_src import contract
from pipeline_src.lesions import absence, staging
from pipeline_src.lesions.addition import earlier, harvest, packing, selection
from pipeline_src.lesions.addition.harvest import Harvest
from pipeline_src.lesions.addition.pool import Pool
from pipeline_src.lesions.addition.selection import Selection
from pipeline_src.lesions.drift import truth
from pipeline_src.lesions.error import BadInputError
from pipeline_src.lesions.spill import Spill

CAPTURE: Final = "capture"  # inputs, as folders; ADDITION_INPUT of the contract is the third
LABELS: Final = "labels"
REPORT: Final = "export.json"
UNMATCHED: Final = "no captured request has this id"
OUTPUTS: Final = (contract.ADDITION_OUTPUT, contract.EXPORT_OUTPUT)
_SHOWN: Final = 5  # ids that are named
_LIMIT: Final = 1 << 10  # bytes of `contract.ABSENT` at the most, below which no archive is
_NOTHING: Final = "Nothing was exported, and no archive written."

Json = dict[str, object]


@dataclass(frozen=True)
class Export:
    """What was exported.

    Attributes:
        archive: file name of the archive.
        report: what export.json says.
        message: the same in sentences.
    """

    archive: str
    report: Json
    message: str


def run(inputs: Path, outputs: Path, workers: int) -> Export:
    """Export what lies in the folders below `inputs` into those below `outputs`.

    Raises:
        BadInputError: there is no label, no labelled picture, or none that the earlier archive has not; or a table or
            the earlier archive cannot be used. The outputs are left empty.
        OSError: for example a full disk; likewise.
    """
    with staging.aside({name: outputs / name for name in OUTPUTS}) as asides:
        folder = asides[contract.ADDITION_OUTPUT]
        labels = _labels(inputs / LABELS)
        with Spill(folder) as spill:
            pool = Pool(spill)
            before = _earlier(inputs / contract.ADDITION_INPUT, pool)
            found = harvest.read(inputs / CAPTURE, labels.said.keys(), pool, workers)
            chosen = selection.choose(pool, labels.said)
            left_out = _left_out(chosen, found, labels, pool)
            _check(chosen, before, found, left_out)
            archive = packing.write(folder, chosen.labels, pool)
        made = _told(archive, chosen, before, found, left_out)
        (asides[contract.EXPORT_OUTPUT] / REPORT).write_text(json.dumps(made.report, indent=2) + "\n", encoding="utf-8")
    return made


def _labels(folder: Path) -> truth.Labels:
    found = truth.read(folder)
    if found is None or not found.said:
        what = "no table of labels" if found is None else "no usable label in any table"
        raise BadInputError(f"{folder}: {what}. {_NOTHING} Give the confirmed classes by the ids of their requests.")
    return found


def _earlier(folder: Path, pool: Pool) -> dict[str, str]:
    """Return the labels of the earlier archive in `folder`; none where it holds none, or says so."""
    found = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    if len(found) > 1:
        raise BadInputError(f"{folder}: {len(found)} files: give one earlier archive, which holds those before it.")
    if not found or (found[0].stat().st_size < _LIMIT and absence.said(found[0].read_bytes())):
        return {}
    return earlier.include(found[0], pool)


def _left_out(chosen: Selection, found: Harvest, labels: truth.Labels, pool: Pool) -> dict[str, list[str]]:
    """Return all that is not exported, by reason: ids, or places of lines and rows."""
    rejected = {
        reason: [f"{place}: {what}" for place, what in found.rejections.examples[reason]]
        for reason in found.rejections.counts
    }
    unknown = sorted(labels.said.keys() - found.seen - pool.pictures.keys())
    unmatched = {UNMATCHED: unknown} if unknown else {}
    return dict(sorted((labels.problems | rejected | chosen.left_out | unmatched).items()))


def _check(chosen: Selection, before: Mapping[str, str], found: Harvest, left_out: Mapping[str, list[str]]) -> None:
    if chosen.labels and chosen.labels != before:
        return
    counted = f"{found.captured:,} requests captured, {found.labelled:,} of them labelled"
    why = "; ".join(f"{reason}: {', '.join(names[:2])}" for reason, names in left_out.items())
    what = "nothing that the earlier archive does not hold" if chosen.labels else "no picture with one label"
    remedy = "Confirm more pictures" if chosen.labels else "Give labels whose ids are those of requests"
    raise BadInputError(f"export: {what} ({counted}{'; ' if why else ''}{why}). {_NOTHING} {remedy}.")


def _told(
    archive: Path, chosen: Selection, before: Mapping[str, str], found: Harvest, left_out: Mapping[str, list[str]]
) -> Export:
    counts = Counter(chosen.labels.values())
    by_class = {label: counts[label] for label in contract.CLASS_LABELS}
    new = len(chosen.labels.keys() - before.keys())
    numbers = {reason: found.rejections.counts.get(reason, len(names)) for reason, names in left_out.items()}
    report: Json = {
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
    return Export(archive.name, report, message)
