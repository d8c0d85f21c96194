# SPDX-License-Identifier: MIT-0
"""The metrics are those of ISIC's own scorer, to 1e-9; where they are not, these tests say how they differ."""

import json
import math
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from pipeline_src import contract
from pipeline_src.evaluation import classification_metrics
from pipeline_src.evaluation.classification_metrics import PointMetrics
from pipeline_src.evaluation.model_predictions import HoldoutImage, Predictions
from tests.class_table import CLASSES

LABELS = contract.CLASS_LABELS
ROOT = Path(__file__).parents[3]
PYTHON = ROOT / ".venv" / "scoring" / "bin" / "python"
SCRIPT = Path(__file__).with_name("scorer.py")
RANKS = {"auc": "auc", "auc_above_80": "auc_sens_80", "average_precision": "ap"}
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scored:
    """One set of predictions, what the scorer says of it, and what it says of its answers: 1 for the most probable."""

    name: str
    table: Predictions
    raw: dict[str, object]
    answers: dict[str, object]

    @property
    def absent(self) -> set[str]:
        return set(LABELS) - {image.label for image in self.table.images}

    @property
    def tied(self) -> npt.NDArray[np.bool_]:
        values = self.table.probabilities
        return (values == values.max(axis=1, keepdims=True)).sum(axis=1) > 1


def softmax(random: np.random.Generator, truth: npt.NDArray[np.int64], skill: float) -> Floats:
    logits = random.normal(size=(truth.size, CLASSES))
    logits[np.arange(truth.size), truth] += skill
    values: Floats = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return values.round(6)


def generated() -> Iterator[tuple[str, npt.NDArray[np.int64], Floats]]:
    """Yield name, truth (N,) and probabilities (N, classes) of each set."""
    everything = np.repeat(np.arange(CLASSES), [9, 30, 7, 5, 8, 2, 1, *[3] * CLASSES][:CLASSES])
    for seed in range(6):
        random = np.random.default_rng(seed)
        smooth = softmax(random, everything, skill=seed / 2)
        yield f"smooth {seed}", everything, smooth
        yield f"rounded to ties {seed}", everything, smooth.round(1)
        kept = everything[(everything != seed) & (everything != 6)]
        yield f"two classes missing {seed}", kept, softmax(random, kept, skill=1.5)
        constant = smooth.copy()
        constant[:, seed] = (0.0, 1.0, 0.5, 0.25, 0.0, 1.0)[seed]
        yield f"a constant column {seed}", everything, constant
    hits = np.eye(CLASSES)[everything]
    yield "all alike", everything, np.full_like(hits, 1 / CLASSES)
    yield "all right and sure", everything, hits
    yield "all wrong and sure", everything, np.roll(hits, 1, axis=1)
    yield "all one answer", everything, np.eye(CLASSES)[np.ones_like(everything)]
    yield (
        "one class alone",
        np.ones(5, dtype=np.int64),
        softmax(np.random.default_rng(9), np.ones(5, dtype=np.int64), 1.0),
    )
    yield "one image a class", np.arange(CLASSES), softmax(np.random.default_rng(10), np.arange(CLASSES), 1.0)


def predictions(truth: npt.NDArray[np.int64], probabilities: Floats) -> Predictions:
    images = tuple(HoldoutImage(f"i{row:03d}", f"l{row}", LABELS[label], "test") for row, label in enumerate(truth))
    return Predictions(images, probabilities)


@pytest.fixture(scope="module")
def scored() -> list[Scored]:
    """Return every set with the scorer's figures; it is started once."""
    assert PYTHON.exists(), f"{PYTHON.relative_to(ROOT)} is not there: the scorer has no environment. Run `make test`."
    named = [(name, predictions(truth, values)) for name, truth, values in generated()]
    asked = [
        {
            "truth": [image.label for image in table.images],
            "probabilities": table.probabilities.tolist(),
            "answers": np.eye(CLASSES)[table.predicted].tolist(),
        }
        for _, table in named
    ]
    text = json.dumps({"labels": LABELS, "sets": asked})
    # What the scorer imports takes seconds to compile, so it is kept compiled whatever the environment says.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    run = subprocess.run([PYTHON, SCRIPT], input=text, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    answers = json.loads(run.stdout)
    return [Scored(name, table, **answer) for (name, table), answer in zip(named, answers, strict=True)]


def theirs(answer: dict[str, object], label: str, name: str) -> float | None:
    value = answer["per_class"][label][name]  # type: ignore[index]
    return None if value is None or math.isnan(value) else float(value)


def close(ours: float | None, other: float | None) -> bool:
    if ours is None or other is None:
        return ours is other
    return math.isclose(ours, other, rel_tol=0, abs_tol=1e-9)


def each(scored: list[Scored]) -> Iterator[tuple[Scored, str, PointMetrics]]:
    return (
        (one, label, points)
        for one in scored
        for label, points in classification_metrics.point_metrics_per_class(one.table).items()
    )


def test_the_sets_are_as_awkward_as_they_should_be(scored: list[Scored]) -> None:
    assert len(scored) == 30
    assert sum(bool(one.absent) for one in scored) == 7
    assert sum(bool(one.tied.any()) for one in scored) >= 7


def test_balanced_accuracy_is_the_scorers(scored: list[Scored]) -> None:
    compared = [one for one in scored if not one.absent and not one.tied.any()]
    assert len(compared) >= 10
    for one in compared:
        assert close(classification_metrics.balanced_accuracy_score(one.table), float(one.raw["balanced_accuracy"])), (
            one.name
        )  # type: ignore[arg-type]


def test_a_tie_is_wrong_for_the_scorer_and_the_first_of_the_classes_here(scored: list[Scored]) -> None:
    whole = [one for one in scored if not one.absent]
    for one in whole:
        right = (one.table.truth == one.table.predicted) & ~one.tied
        wrong_ties = np.mean([right[one.table.truth == position].mean() for position in range(CLASSES)])
        assert close(float(wrong_ties), float(one.raw["balanced_accuracy"])), one.name  # type: ignore[arg-type]
        assert close(
            classification_metrics.balanced_accuracy_score(one.table), float(one.answers["balanced_accuracy"])
        ), one.name  # type: ignore[arg-type]
        values = one.table.probabilities.tolist()
        assert one.table.predicted.tolist() == [row.index(max(row)) for row in values], one.name
    assert any(one.raw["balanced_accuracy"] != one.answers["balanced_accuracy"] for one in whole)


def test_the_scorer_averages_over_the_classes_that_are_there_and_there_is_no_such_mean_here(
    scored: list[Scored],
) -> None:
    for one in scored:
        if one.absent:
            known = [
                figures.sensitivity
                for figures in classification_metrics.point_metrics_per_class(one.table).values()
                if figures.test_images
            ]
            assert close(float(np.mean(known)), float(one.answers["balanced_accuracy"])), one.name  # type: ignore[arg-type]
            assert classification_metrics.balanced_accuracy_score(one.table) is None, one.name


@pytest.mark.parametrize("name", classification_metrics.RATE_NAMES)
def test_rates_of_the_most_probable_class_are_the_scorers_of_those_answers(scored: list[Scored], name: str) -> None:
    """A rate of nothing is 1.0 there and None here."""
    undefined = 0
    for one, label, points in each(scored):
        ours = getattr(points, name)
        undefined += ours is None
        assert close(1.0 if ours is None else ours, theirs(one.answers, label, name)), (one.name, label)
    assert undefined > 0


@pytest.mark.parametrize("name", classification_metrics.RATE_NAMES)
def test_the_scorer_itself_calls_a_class_above_one_half_and_so_can_call_none(scored: list[Scored], name: str) -> None:
    differ = 0
    for one, label, points in each(scored):
        position = LABELS.index(label)
        values = one.table.probabilities[:, position]
        ours = getattr(
            classification_metrics.point_metrics_of_class(one.table.truth == position, values > 0.5, values), name
        )
        other = theirs(one.raw, label, name)
        assert close(1.0 if ours is None else ours, other), (one.name, label)
        differ += not close(getattr(points, name), other)
    assert differ > 0


@pytest.mark.parametrize("name", classification_metrics.RANKING_NAMES)
def test_areas_and_average_precision_are_the_scorers(scored: list[Scored], name: str) -> None:
    """An absent class has an average precision of 0.0 there and None here; of its areas there is none in either."""
    for one, label, points in each(scored):
        other = theirs(one.raw, label, RANKS[name])
        if label in one.absent:
            assert getattr(points, name) is None
            assert other == (0.0 if name == "average_precision" else None)
        else:
            assert close(getattr(points, name), other), (one.name, label)
