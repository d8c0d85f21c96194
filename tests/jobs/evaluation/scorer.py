# SPDX-License-Identifier: MIT-0
"""Runs in the environment of `isic-challenge-scoring`: scores the sets on stdin, JSON in and out.

In: ``labels``, and of each set ``truth`` (labels), ``probabilities`` and ``answers`` (rows of one number for each
label). Out: for each set ``{"raw": ..., "answers": ...}``, the figures of the probabilities and of the answers (of
these balanced accuracy and rates alone) as ``{"balanced_accuracy": x, "per_class": {label: {figure: x}}}``; null is
what the scorer raises an error over. Probabilities of all classes go through the scorer's own command, CSV files and
all; those of a set that lacks a class, over which that command fails, through the functions that it is made of.
"""

import io
import json
import sys
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from isic_challenge_scoring import metrics
from isic_challenge_scoring.classification import ClassificationMetric, ClassificationScore
from isic_challenge_scoring.confusion import create_binary_confusion_matrix

Figures = dict[str, float | None]
Category = Callable[[pd.Series, pd.Series, pd.Series], Figures]
RATES = ("sensitivity", "specificity", "ppv", "npv")


def command(truth: pd.DataFrame, probabilities: pd.DataFrame) -> dict[str, object]:
    files = (io.StringIO(table.to_csv(index_label="image")) for table in (truth, probabilities))
    score = ClassificationScore.from_stream(*files, ClassificationMetric.BALANCED_ACCURACY)
    return {"balanced_accuracy": score.overall, "per_class": score.per_category.T.to_dict()}


def functions(truth: pd.DataFrame, probabilities: pd.DataFrame, *parts: Category) -> dict[str, object]:
    weights = pd.Series(1.0, index=truth.index)
    per_class = {
        label: {name: x for part in parts for name, x in part(truth[label], probabilities[label], weights).items()}
        for label in truth.columns
    }
    balanced = metrics.balanced_multiclass_accuracy(truth, probabilities, weights)
    return {"balanced_accuracy": balanced, "per_class": per_class}


def rates(truth: pd.Series, probabilities: pd.Series, weights: pd.Series) -> Figures:
    matrix = create_binary_confusion_matrix(
        truth.gt(0.5).to_numpy(), probabilities.gt(0.5).to_numpy(), weights.to_numpy()
    )
    return {name: getattr(metrics, f"binary_{name}")(matrix) for name in RATES}


def ranks(truth: pd.Series, probabilities: pd.Series, weights: pd.Series) -> Figures:
    return {
        "auc": attempt(lambda: metrics.auc(truth, probabilities, weights)),
        "auc_sens_80": attempt(lambda: metrics.auc_above_sensitivity(truth, probabilities, weights, 0.80)),
        "ap": attempt(lambda: metrics.average_precision(truth, probabilities, weights)),
    }


def attempt(figure: Callable[[], float]) -> float | None:
    try:
        return float(figure())
    except ValueError:
        return None


def main() -> None:
    warnings.simplefilter("ignore")
    asked = json.load(sys.stdin)
    labels, answers = asked["labels"], []
    for each in asked["sets"]:
        names = [f"image_{row:03d}" for row in range(len(each["truth"]))]
        one_hot = np.array([[float(label == column) for column in labels] for label in each["truth"]])
        truth = pd.DataFrame(one_hot, index=names, columns=labels)
        probabilities, hard = (
            pd.DataFrame(each[name], index=names, columns=labels, dtype=float) for name in ("probabilities", "answers")
        )
        whole = set(each["truth"]) == set(labels)
        raw = command(truth, probabilities) if whole else functions(truth, probabilities, rates, ranks)
        answers.append({"raw": raw, "answers": functions(truth, hard, rates)})
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
