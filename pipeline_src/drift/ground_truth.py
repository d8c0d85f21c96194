# SPDX-License-Identifier: MIT-0
"""Joins labels that were confirmed later with the model's predictions in production.

A table of labels is CSV with the columns ``id``, ``label`` and optionally ``date``, which is not read. An id is the
inference id that the caller gave with the request (preferably the image id), or SageMaker's event id; the column may
also be named ``image_id``, ``inference_id`` or ``event_id``. Confirmed lesions are not a random sample: suspicious
lesions are excised and confirmed more often. The metrics hold for confirmed lesions only.

The lesion of an image is unknown. Each image counts as a lesion of its own, so the intervals are too narrow if several
images show the same lesion.
"""

import csv
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pipeline_src import contract
from pipeline_src.drift.capture_window import AnsweredProbabilities
from pipeline_src.evaluation import classification_metrics, confidence_intervals, model_predictions
from pipeline_src.evaluation.confidence_intervals import Estimate
from pipeline_src.evaluation.model_predictions import HoldoutImage
from pipeline_src.runtime.errors import BadInputError

ID_COLUMNS: Final = ("id", "image_id", "inference_id", "event_id")
MINIMUM_LABELS: Final = 10  # least number of labelled images of a class for a metric
SHOWN_IDS: Final = 5
_SPLIT: Final = "production"

CONFLICTING_LABELS: Final = "two labels for one id"
UNKNOWN_LABEL: Final = "label is not a known class"
NO_ID: Final = "no id"
REUSED_ID: Final = "id was sent with several images"
UNMATCHED_ID: Final = "id was not captured in this window"


@dataclass
class ConfirmedLabels:
    """The labels of all tables.

    Attributes:
        by_id: the label of each id, without ids that have conflicting labels.
        said: all labels of each id.
        problems: unusable ids (or positions of rows without an id) by kind, in the order of the files.
    """

    by_id: dict[str, str] = field(default_factory=dict)
    said: dict[str, set[str]] = field(default_factory=dict)
    problems: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class ProductionMetrics:
    """Metrics of the model in production, on images with a confirmed label.

    Attributes:
        labelled: the number of images by class.
        balanced_accuracy: undefined if a class has fewer than `MINIMUM_LABELS` images.
        melanoma_sensitivity: at the operating point; undefined with fewer than `MINIMUM_LABELS` melanomas.
        reasons: the reason for each undefined metric, by name.
        problems: those of `ConfirmedLabels`, and ids that match no request or several images.
    """

    labelled: Mapping[str, int]
    balanced_accuracy: Estimate
    melanoma_sensitivity: Estimate
    reasons: Mapping[str, str]
    problems: Mapping[str, list[str]]


def read_confirmed_labels(folder: Path) -> ConfirmedLabels | None:
    """Read all tables ``*.csv`` below `folder`; None without any.

    Raises:
        BadInputError: a table is not CSV, or a column is missing.
    """
    paths = sorted(folder.rglob("*.csv"))
    found = ConfirmedLabels()
    seen = found.said
    for path in paths:
        for place, name, label in _rows(path):
            if not name:
                found.problems.setdefault(NO_ID, []).append(place)
            elif label not in contract.CLASS_LABELS:
                found.problems.setdefault(UNKNOWN_LABEL, []).append(f"{name} ({label!r}, {place})")
            else:
                seen.setdefault(name, set()).add(label)
    found.by_id = {name: next(iter(labels)) for name, labels in seen.items() if len(labels) == 1}
    conflicts = [f"{name} ({' and '.join(sorted(labels))})" for name, labels in seen.items() if len(labels) > 1]
    if conflicts:
        found.problems[CONFLICTING_LABELS] = conflicts
    return found if paths else None


def score_answers(
    labels: ConfirmedLabels,
    answers: Mapping[str, AnsweredProbabilities],
    threshold: float | None,
    reused: Collection[str] = (),
) -> ProductionMetrics:
    """Return the metrics of `answers` by the confirmed `labels`.

    Args:
        labels: the confirmed labels.
        answers: probabilities by id, for ids in `labels`.
        threshold: the melanoma operating point, or None.
        reused: ids in `labels` that were sent with several images, and so have no answer.
    """
    images = [HoldoutImage(name, name, labels.by_id[name], _SPLIT) for name in sorted(answers)]
    joined = model_predictions.join_predictions(images, dict(answers))
    counts = Counter(image.label for image in images)
    reasons = dict(_reasons(counts, threshold))
    measured = (
        classification_metrics.estimate_metrics(joined, threshold, confidence_intervals.draw_resamples(joined.images))
        if images
        else None
    )
    unused = {
        UNMATCHED_ID: sorted(labels.by_id.keys() - answers.keys() - set(reused)),
        REUSED_ID: sorted(labels.by_id.keys() & set(reused)),
    }
    return ProductionMetrics(
        labelled={label: counts[label] for label in contract.CLASS_LABELS},
        balanced_accuracy=_figure("balanced_accuracy", measured, reasons),
        melanoma_sensitivity=_figure("melanoma_sensitivity", measured, reasons),
        reasons=reasons,
        problems=labels.problems | {kind: names for kind, names in unused.items() if names},
    )


def summarize_problems(problems: Mapping[str, list[str]]) -> dict[str, object]:
    """Return the number of problems of each kind, and the first ids."""
    return {kind: {"rows": len(names), "first": names[:SHOWN_IDS]} for kind, names in sorted(problems.items())}


def _reasons(counts: Mapping[str, int], threshold: float | None) -> Iterator[tuple[str, str]]:
    few = [f"{label} {counts[label]}" for label in contract.CLASS_LABELS if counts[label] < MINIMUM_LABELS]
    if few:
        yield "balanced_accuracy", f"too few labels: {', '.join(few)}; {MINIMUM_LABELS} of each class are needed"
    if counts[contract.MELANOMA] < MINIMUM_LABELS:
        yield "melanoma_sensitivity", f"too few labels: {counts[contract.MELANOMA]} of {MINIMUM_LABELS} melanomas"
    elif threshold is None:
        yield "melanoma_sensitivity", "the model has no operating point"


def _figure(name: str, measured: classification_metrics.MetricEstimates | None, reasons: Mapping[str, str]) -> Estimate:
    if measured is None:
        return confidence_intervals.undefined_estimate()
    found: Estimate = getattr(measured, name)
    return confidence_intervals.undefined_estimate(found.images, found.lesions) if name in reasons else found


def _rows(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield position, id and label of each row."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            header = rows.fieldnames or ()
            column = next((name for name in ID_COLUMNS if name in header), None)
            if column is None or "label" not in header:
                raise BadInputError(
                    f"{path}: header is {','.join(header) or 'empty'!r}; expected a column named "
                    f"{' or '.join(ID_COLUMNS)} and a column named label."
                )
            for row in rows:
                place = f"{path.name}: line {rows.line_num}"
                yield place, (row[column] or "").strip(), (row["label"] or "").strip().lower()
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(f"{path}: not CSV in UTF-8: {error}. Export it again.") from None
