# SPDX-License-Identifier: MIT-0
"""The schema of constraints.json: what a window may differ by. A user may change it; the model package names it.

Source: SageMaker Developer Guide, "Schema for constraints (constraints.json file)"; what it has no place for lies under
`monitor`. Where the thresholds come from: ``python -m benchmarks.drift``.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

from pipeline_src.lesions.drift import feature
from pipeline_src.lesions.drift.statistic import CLASS_MIX

REPEATED: Final = "repeated_images"
UNREADABLE: Final = "unreadable_requests"
CHECKS: Final = (*feature.NUMBERS, CLASS_MIX, REPEATED, UNREADABLE)
_ENABLED: Final = "Enabled"
_DISTANCE: Final = 0.15  # of 100 images 15 lie where none of the baseline would
_MIX: Final = 0.08  # of 100 answers 8 name another class
_REPEATED: Final = 0.05
_UNREADABLE: Final = 0.02
_SIGNED: Final = ("sharpness", "redness", "yellowness")

Json = dict[str, object]


@dataclass(frozen=True)
class Constraints:
    """When a window differs too much.

    Attributes:
        level: probability of a false alarm that all checks of a window share.
        least: different images and requests that a window and a baseline must have to be compared.
        expected: by check, the share of repeated or unreadable requests that is normal: more is tested for.
        thresholds: by check, the effect from which a difference matters; None turns the check off.
        melanoma_threshold: the operating point of the model; None if it has none.
    """

    level: float = 0.01
    least: int = 100
    expected: Mapping[str, float] = field(default_factory=lambda: {REPEATED: 0.02, UNREADABLE: 0.01})
    thresholds: Mapping[str, float | None] = field(
        default_factory=lambda: {
            **dict.fromkeys(feature.NUMBERS, _DISTANCE),
            CLASS_MIX: _MIX,
            REPEATED: _REPEATED,
            UNREADABLE: _UNREADABLE,
        }
    )
    melanoma_threshold: float | None = None


def content(constraints: Constraints) -> Json:
    """Return constraints.json."""
    said = {name: value for name, value in asdict(constraints).items() if name != "thresholds"}
    return {
        "version": 0,
        "features": [_feature(name, constraints.thresholds.get(name)) for name in CHECKS],
        "monitoring_config": {
            "evaluate_constraints": _ENABLED,
            "emit_metrics": _ENABLED,
            "datatype_check_threshold": 1.0,
            "domain_content_threshold": 1.0,
            "distribution_constraints": {
                "perform_comparison": _ENABLED,
                "comparison_threshold": _DISTANCE,
                "comparison_method": "Simple",
            },
        },
        "monitor": said,
    }


def parse(document: Mapping[str, object]) -> Constraints:
    """Return the constraints that `document` holds; a check that it does not name is off.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is no constraints.json of ours.
    """
    said, features = document["monitor"], document["features"]
    overrides = {each["name"]: each["monitoringConfigOverrides"] for each in features}  # type: ignore[attr-defined]
    unknown = sorted(overrides.keys() - set(CHECKS))
    if unknown:
        raise ValueError(f"features: {unknown[0]} is no check of the monitor")
    threshold = said["melanoma_threshold"]  # type: ignore[index]
    return Constraints(
        level=float(said["level"]),  # type: ignore[index]
        least=int(said["least"]),  # type: ignore[index]
        expected={name: float(said["expected"][name]) for name in (REPEATED, UNREADABLE)},  # type: ignore[index]
        thresholds={name: _threshold(overrides.get(name)) for name in CHECKS},
        melanoma_threshold=None if threshold is None else float(threshold),
    )


def _feature(name: str, threshold: float | None) -> Json:
    overrides = {"evaluate_constraints": "Disabled" if threshold is None else _ENABLED, "threshold": threshold}
    kind = {"inferred_type": "String"} if name == CLASS_MIX else {"inferred_type": "Fractional"}
    number = {} if name == CLASS_MIX else {"num_constraints": {"is_non_negative": name not in _SIGNED}}
    return {"name": name, **kind, "completeness": 1.0, **number, "monitoringConfigOverrides": overrides}


def _threshold(overrides: Mapping[str, object] | None) -> float | None:
    if overrides is None or overrides.get("evaluate_constraints") != _ENABLED:
        return None
    return float(overrides["threshold"])  # type: ignore[arg-type]
