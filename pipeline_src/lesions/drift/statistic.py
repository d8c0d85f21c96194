# SPDX-License-Identifier: MIT-0
"""The schema of statistics.json, for the baseline and for a window alike.

Source: SageMaker Developer Guide, "Schema for statistics (statistics.json file)". Its sketch of a distribution is a KLL
sketch; one whose first level holds every value, each counting once, is exact. The guide leaves room for more under a
feature and beside the features: here `monitor`.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline_src import contract
from pipeline_src.lesions.drift import feature
from pipeline_src.lesions.drift.feature import Table

CLASS_MIX: Final = "predicted_class"
_BUCKETS: Final = 10

Json = dict[str, object]


def content(table: Table, missing: int, monitor: Mapping[str, object], *, whole: bool) -> Json:
    """Return statistics.json.

    Args:
        table: what was measured (n, `feature.COLUMNS`).
        missing: how many pictures could not be measured.
        monitor: what else is said of them all.
        whole: whether the sketch holds every value, as that of a baseline must.
    """
    numbers = [_number(name, table[:, column], missing, whole=whole) for column, name in enumerate(feature.NUMBERS)]
    return {
        "version": 0,
        "dataset": {"item_count": len(table)},
        "features": [*numbers, _classes(table, missing)],
        "monitor": dict(monitor),
    }


def values(document: Mapping[str, object]) -> dict[str, NDArray[np.float64]]:
    """Return the values of each number of a statistics.json whose sketches are whole.

    Raises:
        KeyError, TypeError, ValueError, IndexError: it is none.
    """
    features = {each["name"]: each for each in document["features"]}  # type: ignore[attr-defined]
    return {
        name: np.array(
            features[name]["numerical_statistics"]["distribution"]["kll"]["sketch"]["data"][0], dtype=np.float32
        ).astype(np.float64)
        for name in feature.NUMBERS
    }


def mix(document: Mapping[str, object]) -> NDArray[np.int64]:
    """Return how often each class was the most probable one (7,); errors as those of `values`."""
    features = {each["name"]: each for each in document["features"]}  # type: ignore[attr-defined]
    buckets = features[CLASS_MIX]["string_statistics"]["distribution"]["categorical"]["buckets"]
    counts = {each["value"]: int(each["count"]) for each in buckets}
    return np.array([counts[label] for label in contract.CLASS_LABELS], dtype=np.int64)


def _number(name: str, column: NDArray[np.float32], missing: int, *, whole: bool) -> Json:
    ordered = np.sort(column.astype(np.float64))
    # The shortest text that gives the same float32 again: a value that moved a little would tie with none.
    kept = [float(str(value)) for value in np.sort(column)] if whole else []
    return {
        "name": name,
        "inferred_type": "Fractional",
        "numerical_statistics": {
            "common": {"num_present": len(ordered), "num_missing": missing},
            **_moments(ordered),
            "distribution": {
                "kll": {
                    "buckets": _buckets(ordered),
                    "sketch": {"parameters": {"c": 0.64, "k": float(max(1, len(kept)))}, "data": [kept]},
                }
            },
        },
    }


def _moments(ordered: NDArray[np.float64]) -> Json:
    if not len(ordered):
        return {"mean": None, "sum": 0.0, "std_dev": None, "min": None, "max": None}
    total = float(ordered.sum())
    return {
        "mean": total / len(ordered),
        "sum": total,
        "std_dev": float(ordered.std()),
        "min": float(ordered[0]),
        "max": float(ordered[-1]),
    }


def _buckets(ordered: NDArray[np.float64]) -> list[Json]:
    if not len(ordered):
        return []
    counts, edges = np.histogram(ordered, _BUCKETS)
    return [
        {"lower_bound": float(lower), "upper_bound": float(upper), "count": int(count)}
        for lower, upper, count in zip(edges[:-1], edges[1:], counts, strict=True)
    ]


def _classes(table: Table, missing: int) -> Json:
    counts = feature.predicted(table)
    buckets = [
        {"value": label, "count": int(count)} for label, count in zip(contract.CLASS_LABELS, counts, strict=True)
    ]
    return {
        "name": CLASS_MIX,
        "inferred_type": "String",
        "string_statistics": {
            "common": {"num_present": len(table), "num_missing": missing},
            "distinct_count": int(np.count_nonzero(counts)),
            "distribution": {"categorical": {"buckets": buckets}},
        },
    }
