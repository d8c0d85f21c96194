# SPDX-License-Identifier: MIT-0
"""What came of a run of the monitor: its status, the message that the job leaves, and what is written of it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final

from pipeline_src.lesions.drift import check, constraint, feature, statistic, truth
from pipeline_src.lesions.drift.assignment import Assignment
from pipeline_src.lesions.drift.baseline import Baseline
from pipeline_src.lesions.drift.check import Check
from pipeline_src.lesions.drift.truth import Truth
from pipeline_src.lesions.drift.window import Window

# What an exit message begins with, as Model Monitor's own container words it; the service tells executions with
# violations from others by it [not documented; seen in published containers].
COMPLETED: Final = "Completed"
VIOLATED: Final = "CompletedWithViolations"
EMPTY: Final = "empty"
TOO_FEW: Final = "too few"
COMPARED: Final = "compared"

TITLES: Final = {
    **feature.TITLES,
    statistic.CLASS_MIX: "how often each class is the most probable one",
    constraint.REPEATED: "requests that send a picture anew",
    constraint.UNREADABLE: "captured requests that cannot be used",
}
# The documented kinds of violation, of which the built-in monitor has six.
_KINDS: Final = {constraint.UNREADABLE: "completeness_check"}
_DRIFT: Final = "baseline_drift_check"
_NAMED: Final = 4  # features in the message

Json = dict[str, object]


@dataclass(frozen=True)
class Outcome:
    """One run.

    Attributes:
        assignment: what was asked.
        window: what production sent.
        known: the baseline.
        checks: of everything that could be compared.
        truth: by the labels; None if none were given.
    """

    assignment: Assignment
    window: Window
    known: Baseline
    checks: list[Check]
    truth: Truth | None

    @property
    def violations(self) -> list[Check]:
        """The checks that are violated."""
        return [each for each in self.checks if each.violated]

    @property
    def status(self) -> str:
        """Whether the pictures were `COMPARED`, or why not: `EMPTY`, `TOO_FEW`."""
        if not self.window.requests and not self.window.rejections.total:
            return EMPTY
        least = self.known.constraints.least
        return COMPARED if min(len(self.window.sample), self.known.images) >= least else TOO_FEW

    @property
    def message(self) -> str:
        """The exit message, at most 1024 bytes."""
        if self.violations:
            names = [each.name for each in self.violations]
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            return f"{VIOLATED}: {_violations(len(names))} in {self._sent}: {', '.join(names[:_NAMED])}{more}."
        if self.status == EMPTY:
            return f"{COMPLETED}: no request was captured {self.assignment.period}."
        if self.status == TOO_FEW:
            return f"{COMPLETED}: too few images to compare: {self.lack}."
        return f"{COMPLETED}: no violation in {self._sent}."

    @property
    def lack(self) -> str:
        """What there is too little of."""
        least = self.known.constraints.least
        if self.known.images < least:
            return f"the baseline holds {self.known.images:,}, and {least:,} are needed"
        return f"{len(self.window.sample):,} different ones in {self._sent}, and {least:,} are needed"

    @property
    def _sent(self) -> str:
        return f"{self.window.requests + self.window.rejections.total:,} requests"


def violations(outcome: Outcome) -> Json:
    """Return constraint_violations.json.

    Source: SageMaker Developer Guide, "Schema for violations (constraint_violations.json file)".
    """
    return {
        "violations": [
            {
                "feature_name": each.name,
                "constraint_check_type": _KINDS.get(each.name, _DRIFT),
                "description": described(each),
            }
            for each in outcome.violations
        ]
    }


def statistics(outcome: Outcome) -> Json:
    """Return statistics.json of the window: of the different pictures that were kept."""
    window = outcome.window
    monitor = {
        "requests": window.requests,
        "unreadable": window.rejections.total,
        "different_images": len(window.sample),
        "kept_share": window.sample.share,
    }
    return statistic.content(window.sample.table(), window.rejections.total, monitor, whole=False)


def summary(outcome: Outcome) -> Json:
    """Return monitor.json: all that is said on the page."""
    window, period = outcome.window, outcome.assignment.period
    start, end = (None if time is None else time.isoformat() for time in period)
    return {
        "schema": 1,
        "status": outcome.status,
        "message": outcome.message,
        "violations": [each.name for each in outcome.violations],
        "endpoint": outcome.assignment.endpoint,
        "schedule": outcome.assignment.schedule,
        "start_time": start,
        "end_time": end,
        "last_request": window.last.isoformat() if window.last else None,
        "requests": window.requests,
        "outside_the_period": window.outside,
        "different_images": len(window.sample),
        "kept_share": window.sample.share,
        "unreadable": window.rejections.as_json(),
        "baseline": {"images": outcome.known.images, "effective_images": outcome.known.effective},
        "checks": [
            asdict(each) | {"significant": each.significant, "violated": each.violated} for each in outcome.checks
        ],
        "truth": None if outcome.truth is None else _truth(outcome.truth),
    }


def described(each: Check) -> str:
    """Return a check in a sentence."""
    sides = f"{each.baseline:.4g} in the baseline, {each.window:.4g} in the window"
    what = {
        check.DISTANCE: f"distance of the distributions {each.effect:.3f} (medians: {sides})",
        check.MIX: f"total variation {each.effect:.3f} ({each.note})",
        check.SHARE: f"share {each.effect:.3f}, expected {each.baseline:.3f}{f' ({each.note})' if each.note else ''}",
    }[each.test]
    return (
        f"{TITLES[each.name]}: {what}, from {each.threshold:g} on a violation; {each.test} test, p {each.adjusted:.2g} "
        f"with all checks of the window, below {each.level:g}"
    )


def _truth(found: Truth) -> Json:
    return {**asdict(found), "problems": truth.named(found.problems)}


def _violations(number: int) -> str:
    return f"{number} violation{'' if number == 1 else 's'}"


def lines(outcome: Outcome) -> Iterator[str]:
    """Yield what the job's log says."""
    window = outcome.window
    yield f"{window.requests:,} requests {outcome.assignment.period}, {window.outside:,} of other times left out."
    for reason, count in sorted(window.rejections.counts.items()):
        place, what = window.rejections.examples[reason][0]
        yield f"Not used: {count:,} x {reason}, first {place}: {what}"
    yield outcome.message
