# SPDX-License-Identifier: MIT-0
"""Creates and reads the baseline of the drift monitor: statistics.json and constraints.json.

The baseline measures the validation and test images, which the model was not trained on, like production images. It has
the class mix of the dataset. An endpoint with another mix differs from it, and should have its own baseline or the
check of the mix turned off.

Sources: SageMaker Developer Guide, "Schema for statistics (statistics.json file)" and "Schema for constraints
(constraints.json file)". The sketch of a distribution is a KLL sketch; one whose first level holds every value, each
with weight one, is exact. Fields without a place in the schemas are under `monitor`. A user may change the constraints;
the model package names the file. Source of the thresholds: ``python -m benchmarks.drift``.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline_src import contract
from pipeline_src.drift import image_features
from pipeline_src.drift.image_features import FeatureTable
from pipeline_src.evaluation import confidence_intervals
from pipeline_src.evaluation.confidence_intervals import Estimate
from pipeline_src.evaluation.model_predictions import Predictions
from pipeline_src.runtime import worker_threads
from pipeline_src.runtime.errors import BadInputError

CLASS_MIX: Final = "predicted_class"
_BUCKETS: Final = 10

Json = dict[str, object]


def statistics_json(table: FeatureTable, missing: int, monitor: Mapping[str, object], *, whole: bool) -> Json:
    """Return statistics.json.

    Args:
        table: the measured features (n, `image_features.FEATURE_COLUMNS`).
        missing: the number of images that could not be measured.
        monitor: further fields.
        whole: True if the sketch holds every value, which a baseline needs.
    """
    numbers = [
        _numerical_feature(name, table[:, column], missing, whole=whole)
        for column, name in enumerate(image_features.FEATURE_NAMES)
    ]
    return {
        "version": 0,
        "dataset": {"item_count": len(table)},
        "features": [*numbers, _class_feature(table, missing)],
        "monitor": dict(monitor),
    }


def values_of_statistics(document: Mapping[str, object]) -> dict[str, NDArray[np.float64]]:
    """Return the values of each numerical feature of a statistics.json whose sketches hold every value.

    Raises:
        KeyError, TypeError, ValueError, IndexError: `document` has another structure.
    """
    features = {each["name"]: each for each in document["features"]}  # type: ignore[attr-defined]
    return {
        name: np.array(
            features[name]["numerical_statistics"]["distribution"]["kll"]["sketch"]["data"][0], dtype=np.float32
        ).astype(np.float64)
        for name in image_features.FEATURE_NAMES
    }


def class_mix_of_statistics(document: Mapping[str, object]) -> NDArray[np.int64]:
    """Return how often each class is the most probable one (classes,); errors as in `values_of_statistics`."""
    features = {each["name"]: each for each in document["features"]}  # type: ignore[attr-defined]
    buckets = features[CLASS_MIX]["string_statistics"]["distribution"]["categorical"]["buckets"]
    counts = {each["value"]: int(each["count"]) for each in buckets}
    return np.array([counts[label] for label in contract.CLASS_LABELS], dtype=np.int64)


def _numerical_feature(name: str, column: NDArray[np.float32], missing: int, *, whole: bool) -> Json:
    ordered = np.sort(column.astype(np.float64))
    # The shortest text that parses to the same float32: a slightly changed value would lose its ties.
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


def _class_feature(table: FeatureTable, missing: int) -> Json:
    counts = image_features.count_predicted_classes(table)
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


REPEATED_IMAGES: Final = "repeated_images"
UNREADABLE_REQUESTS: Final = "unreadable_requests"
CHECK_NAMES: Final = (*image_features.FEATURE_NAMES, CLASS_MIX, REPEATED_IMAGES, UNREADABLE_REQUESTS)
_ENABLED: Final = "Enabled"
_EFFECTS: Final = "share beyond the tested range"  # what thresholds of features are of; earlier, of distances
_BEYOND_THRESHOLD: Final = 0.5  # half of the images lie beyond the 1 % most extreme of the baseline
_MIX_THRESHOLD: Final = 0.25  # 25 of 100 predictions are of another class
_REPEATED_THRESHOLD: Final = 0.05
_UNREADABLE_THRESHOLD: Final = 0.02
_SIGNED: Final = ("sharpness", "redness", "yellowness")


@dataclass(frozen=True)
class ApprovedSensitivity:
    """The melanoma sensitivity on the test images, with which the model was approved; fields as in `Estimate`."""

    value: float | None
    lower: float | None
    upper: float | None
    images: int


@dataclass(frozen=True)
class DriftConstraints:
    """Limits for the difference between a window and the baseline.

    Attributes:
        level: probability of a false alarm, over all checks of a window.
        least: least number of distinct images, and of requests, for a comparison.
        expected: normal share of repeated or unreadable requests, by check; the test is for a larger share.
        thresholds: least effect that matters, by check; None turns the check off.
        melanoma_threshold: the operating point of the model, or None.
        approved_sensitivity: the melanoma sensitivity at that point; None if it is not defined or not recorded.
    """

    level: float = 0.01
    least: int = 100
    expected: Mapping[str, float] = field(default_factory=lambda: {REPEATED_IMAGES: 0.02, UNREADABLE_REQUESTS: 0.01})
    thresholds: Mapping[str, float | None] = field(
        default_factory=lambda: {
            **dict.fromkeys(image_features.FEATURE_NAMES, _BEYOND_THRESHOLD),
            CLASS_MIX: _MIX_THRESHOLD,
            REPEATED_IMAGES: _REPEATED_THRESHOLD,
            UNREADABLE_REQUESTS: _UNREADABLE_THRESHOLD,
        }
    )
    melanoma_threshold: float | None = None
    approved_sensitivity: ApprovedSensitivity | None = None


def constraints_json(constraints: DriftConstraints) -> Json:
    """Return constraints.json."""
    said = {name: value for name, value in asdict(constraints).items() if name != "thresholds"}
    return {
        "version": 0,
        "features": [_feature_constraint(name, constraints.thresholds.get(name)) for name in CHECK_NAMES],
        "monitoring_config": {
            "evaluate_constraints": _ENABLED,
            "emit_metrics": _ENABLED,
            "datatype_check_threshold": 1.0,
            "domain_content_threshold": 1.0,
            "distribution_constraints": {
                "perform_comparison": _ENABLED,
                "comparison_threshold": _BEYOND_THRESHOLD,
                "comparison_method": "Simple",
            },
        },
        "monitor": {"effects": _EFFECTS, **said},
    }


def parse_constraints(document: Mapping[str, object]) -> DriftConstraints:
    """Return the constraints in `document`; checks that it does not name are turned off.

    Thresholds of an earlier version, which were of distances of distributions, become the present ones.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: `document` is not a constraints.json of this monitor.
    """
    said, features = document["monitor"], document["features"]
    overrides = {each["name"]: each["monitoringConfigOverrides"] for each in features}  # type: ignore[attr-defined]
    unknown = sorted(overrides.keys() - set(CHECK_NAMES))
    if unknown:
        raise ValueError(f"features: {unknown[0]} is not a check of the monitor")
    threshold = said["melanoma_threshold"]  # type: ignore[index]
    thresholds = {name: _threshold(overrides.get(name)) for name in CHECK_NAMES}
    if said.get("effects") != _EFFECTS:  # type: ignore[attr-defined]
        default = DriftConstraints().thresholds
        thresholds = {name: None if value is None else default[name] for name, value in thresholds.items()}
    return DriftConstraints(
        level=float(said["level"]),  # type: ignore[index]
        least=int(said["least"]),  # type: ignore[index]
        expected={name: float(said["expected"][name]) for name in (REPEATED_IMAGES, UNREADABLE_REQUESTS)},  # type: ignore[index]
        thresholds=thresholds,
        melanoma_threshold=None if threshold is None else float(threshold),
        approved_sensitivity=_approved_sensitivity(said),
    )


def _approved_sensitivity(said: object) -> ApprovedSensitivity | None:
    """Return the recorded sensitivity; baselines of earlier versions have none."""
    found = said.get("approved_sensitivity")  # type: ignore[attr-defined]
    if found is None:
        return None
    ends = {name: None if found[name] is None else float(found[name]) for name in ("value", "lower", "upper")}
    return ApprovedSensitivity(**ends, images=int(found["images"]))


def _feature_constraint(name: str, threshold: float | None) -> Json:
    overrides = {"evaluate_constraints": "Disabled" if threshold is None else _ENABLED, "threshold": threshold}
    kind = {"inferred_type": "String"} if name == CLASS_MIX else {"inferred_type": "Fractional"}
    number = {} if name == CLASS_MIX else {"num_constraints": {"is_non_negative": name not in _SIGNED}}
    return {"name": name, **kind, "completeness": 1.0, **number, "monitoringConfigOverrides": overrides}


def _threshold(overrides: Mapping[str, object] | None) -> float | None:
    if overrides is None or overrides.get("evaluate_constraints") != _ENABLED:
        return None
    return float(overrides["threshold"])  # type: ignore[arg-type]


STATISTICS_FILE: Final = contract.MONITOR_STATISTICS_FILE
CONSTRAINTS_FILE: Final = contract.MONITOR_CONSTRAINTS_FILE
BASELINE_LIMIT: Final = 8192  # images; more would increase the file size with little gain in power
_REMEDY: Final = "Give the job the baseline that Evaluate wrote beside report.html (the model package names it)."

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DriftBaseline:
    """The features of the held-out images, and the limits for a window.

    Attributes:
        values: sorted values of each of `image_features.FEATURE_NAMES`.
        mix: how often each class is the most probable one, (classes,).
        images: the number of images.
        effective: the effective sample size in lesions.
        constraints: the limits for a window.
        accepted: why these are images of production, accepted after a review; None for the held-out images.
    """

    values: Mapping[str, Floats]
    mix: NDArray[np.int64]
    images: int
    effective: float
    constraints: DriftConstraints
    accepted: str | None = None


def baseline_files(
    predictions: Predictions, pictures: Path, threshold: float | None = None, sensitivity: Estimate | None = None
) -> dict[str, bytes]:
    """Return the two files of the baseline, content by name; the same images give the same bytes.

    Args:
        predictions: predictions for the held-out images; official test images are not used.
        pictures: the folder of the held-out images; missing and damaged ones count as missing.
        threshold: the melanoma operating point.
        sensitivity: the melanoma sensitivity on the test images at that point.
    """
    chosen = [row for row, image in enumerate(predictions.images) if image.split in _BASELINE_SPLITS][:BASELINE_LIMIT]
    rows = _measure_images(predictions, pictures, chosen)
    table = np.array([rows[row] for row in sorted(rows)], np.float32).reshape(-1, image_features.FEATURE_COLUMNS)
    images = [predictions.images[row] for row in sorted(rows)]
    effective = confidence_intervals.effective_lesions(images, np.ones(len(images), bool)) if images else 0.0
    monitor = {"effective_count": effective, "left_out": len(predictions.images) - len(chosen)}
    content = statistics_json(table, len(chosen) - len(rows), monitor, whole=True)
    approved = None
    if sensitivity is not None and sensitivity.value is not None:
        approved = ApprovedSensitivity(sensitivity.value, sensitivity.lower, sensitivity.upper, sensitivity.images)
    limits = constraints_json(DriftConstraints(melanoma_threshold=threshold, approved_sensitivity=approved))
    return {STATISTICS_FILE: _json_bytes(content, None), CONSTRAINTS_FILE: _json_bytes(limits, 2)}


_BASELINE_SPLITS: Final = (contract.VALIDATION, contract.TEST)


def read_baseline(statistics: Path, constraints: Path) -> DriftBaseline:
    """Read the two files.

    Args:
        statistics: the file, or its folder.
        constraints: likewise.

    Raises:
        BadInputError: a file is missing, or Evaluate did not write it.
    """
    place, measured = _read_document(statistics, STATISTICS_FILE)
    try:
        values, mix = values_of_statistics(measured), class_mix_of_statistics(measured)
        effective = float(measured["monitor"]["effective_count"])  # type: ignore[index]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise BadInputError(f"{place}: {error!r}: not a baseline of this monitor. {_REMEDY}") from None
    if len({len(each) for each in values.values()} | {int(mix.sum())}) != 1:
        raise BadInputError(f"{place}: its features hold different numbers of images. {_REMEDY}")
    place, limits = _read_document(constraints, CONSTRAINTS_FILE)
    try:
        allowed = parse_constraints(limits)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInputError(f"{place}: {error!r}: not a constraints file of this monitor. {_REMEDY}") from None
    return DriftBaseline(values, mix, int(mix.sum()), effective, allowed)


def _measure_images(
    predictions: Predictions, pictures: Path, chosen: Sequence[int]
) -> dict[int, image_features.FeatureRow]:
    rows: dict[int, image_features.FeatureRow] = {}

    def measure(row: int) -> None:
        path = pictures / contract.held_out_file(predictions.images[row].image_id)
        try:
            rows[row] = image_features.measure_features(
                path.read_bytes(), predictions.probabilities[row].tolist(), str(path)
            )
        except (BadInputError, FileNotFoundError):
            return  # counted as missing, as in production

    worker_threads.process_in_threads(iter(chosen), measure, worker_threads.available_cores())
    return rows


def _read_document(given: Path, name: str) -> tuple[Path, dict[str, object]]:
    path = given / name if given.is_dir() else given
    if not path.is_file():
        raise BadInputError(f"{path}: not found. Without a baseline nothing can be compared. {_REMEDY}")
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{path}: not JSON: {error}. {_REMEDY}") from None
    if not isinstance(content, dict):
        raise BadInputError(f"{path}: not a JSON object. {_REMEDY}")
    return path, content


def _json_bytes(content: dict[str, object], indent: int | None) -> bytes:
    separators = None if indent else (",", ":")
    return (json.dumps(content, indent=indent, separators=separators, allow_nan=False) + "\n").encode()
