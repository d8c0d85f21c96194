# SPDX-License-Identifier: MIT-0
"""States the findings of the monitor as sentences: the share of melanomas found, and each violated check.

The page, the terminal, the job's log and monitor.json have the same sentences. Percentages are whole; the ends of an
interval are rounded outwards.
"""

import math
import re
from typing import Final

from pipeline_src import contract
from pipeline_src.drift import drift_baseline, drift_tests
from pipeline_src.drift.drift_baseline import ApprovedSensitivity
from pipeline_src.drift.drift_tests import DriftCheck
from pipeline_src.drift.ground_truth import MINIMUM_LABELS, ProductionMetrics
from pipeline_src.drift.lasting_shift import LEAST_SHIFT, LastingShift
from pipeline_src.evaluation.confidence_intervals import Estimate

_ROUNDING: Final = 1e-9


def melanoma_statement(truth: ProductionMetrics | None, approved: ApprovedSensitivity | None) -> str:
    """Return how many of the confirmed melanomas the model found, beside the same figure at approval.

    Args:
        truth: the metrics by the confirmed labels, or None without labels.
        approved: the sensitivity on the test images, of the model's baseline; None in older baselines.

    Returns:
        ``Of 46 confirmed melanomas the model found 70 % (57 to 83 %); at approval 100 % (68 to 100 %).``, the reason
        why there is no figure, or an empty string without labels.
    """
    if truth is None:
        return ""
    found, melanomas = truth.melanoma_sensitivity, truth.labelled[contract.MELANOMA]
    if found.value is None:
        if melanomas >= MINIMUM_LABELS:
            return f"{melanomas:,} melanomas are confirmed, but the model has no operating point to count its finds by."
        return f"{_confirmed(melanomas)}: too few for a figure; {MINIMUM_LABELS} are needed."
    before = "" if approved is None else f"; at approval {format_share(approved)}"
    return f"Of {melanomas:,} confirmed melanomas the model found {format_share(found)}{before}."


def _confirmed(melanomas: int) -> str:
    if not melanomas:
        return "No melanoma is confirmed"
    return f"{melanomas:,} {'melanoma is' if melanomas == 1 else 'melanomas are'} confirmed"


def format_share(measured: Estimate | ApprovedSensitivity) -> str:
    """Return a share with its interval in whole percent: ``70 % (57 to 83 %)``; ``not defined`` without a value."""
    if measured.value is None:
        return "not defined"
    value = f"{100 * measured.value:.0f} %"
    if measured.lower is None or measured.upper is None:
        return value
    lower = math.floor(100 * measured.lower + _ROUNDING)
    upper = math.ceil(100 * measured.upper - _ROUNDING)
    return f"{value} ({lower} to {upper} %)"


def check_sentence(each: DriftCheck | LastingShift) -> str:
    """Return the result of a check as one sentence without the name of its test."""
    said = _lasting_sentence(each) if isinstance(each, LastingShift) else _check_sentence(each)
    return re.sub(r"-(?=\d)", "\u2212", re.sub(r"(?<=\d)%", " %", said))


def _lasting_sentence(each: LastingShift) -> str:
    change = "higher" if each.shift > 0 else "lower"
    return (
        f"{_capitalized(each.feature)} has been {change} for {each.windows} windows with {each.images:,} images: by "
        f"{abs(each.shift):.2f} standard deviations of the baseline; from {LEAST_SHIFT:g} on a lasting change is a "
        "violation."
    )


def _check_sentence(each: DriftCheck) -> str:
    note = f": {each.note}" if each.note else ""
    if each.name == drift_baseline.CLASS_MIX:
        others = f"{each.effect:.1%} of the predictions are of another class than in the baseline"
        own = "a practice has its own mix, so this is no violation"
        limit = own if each.notice else f"from {each.threshold:.0%} on this is a violation"
        return f"The mix of predicted classes differs{note}. {others}; {limit}."
    if each.test == drift_tests.BINOMIAL:
        return (
            f"{each.window:.1%} of the requests {_SHARES[each.name]}{note}; {each.baseline:.1%} is normal, and from "
            f"{each.threshold:.0%} on this is a violation."
        )
    change = "differs" if each.direction is None else "is higher" if each.direction > 0 else "is lower"
    medians = f"{_capitalized(each.name)} {change}: median {each.window:.4g}, in the baseline {each.baseline:.4g}."
    if each.notice:
        return f"{medians} The model sees images resized to one size, so this is no violation."
    return (
        f"{medians} {each.effect:.1%} of the images lie beyond {1 - drift_tests.TAIL:.0%} of the baseline; from "
        f"{each.threshold:.0%} on this is a violation."
    )


def _capitalized(name: str) -> str:
    return name.replace("_", " ").capitalize()


_SHARES: Final = {
    drift_baseline.REPEATED_IMAGES: "repeat an image that was sent before",
    drift_baseline.UNREADABLE_REQUESTS: "cannot be used",
}
