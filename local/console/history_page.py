# SPDX-License-Identifier: MIT-0
"""Renders the page of all runs: metrics with intervals over time, and a table with links to the reports.

Style sheet and head are those of the report. The charts are plain SVG: drawing them with the report's library would
cost each run a second or two. The same runs give the same bytes.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import jinja2

from local import json_files
from local.json_files import Json
from local.runners.job_runner import REPOSITORY
from pipeline_src.run_facts import (
    APPROVAL_WORDS,
    BALANCED_ACCURACY,
    CRASHED,
    MELANOMA_SENSITIVITY,
    MELANOMA_SPECIFICITY,
    PASSED,
    REJECTED,
    RunFacts,
    RunHistory,
)

HISTORY_PAGE: Final = "index.html"
RESEARCH_USE: Final = "Research use only; not a medical device."
COLUMNS: Final = (BALANCED_ACCURACY, MELANOMA_SENSITIVITY, MELANOMA_SPECIFICITY)
CHARTED: Final = (BALANCED_ACCURACY, MELANOMA_SENSITIVITY)
NOT_MEASURED: Final = "\u2013"
SHOWN_POINTS: Final = 60  # more would touch each other
_REPORT_TEMPLATES: Final = REPOSITORY / "pipeline_src/report/templates"
# Blue and vermilion of the report's plots, which are readable on light and dark.
_PASSED_COLOUR, _OTHER_COLOUR = "#0072B2", "#D55E00"
_LEFT, _RIGHT, _TOP, _BOTTOM = 34.0, 352.0, 10.0, 186.0  # of the axes, in units of the view box
_FLOORS: Final = (0.0, 0.2, 0.4, 0.6, 0.8)  # of the vertical axis: with each, the lines stand at whole hundredths
_STEPS: Final = 4
_MARKS: Final = {PASSED: "yes", REJECTED: "no", CRASHED: "no"}


@dataclass(frozen=True)
class _Estimate:
    """A metric of a run; None where it has no value or no interval."""

    value: float | None
    lower: float | None
    upper: float | None

    @classmethod
    def of(cls, figure: Json) -> "_Estimate":
        if not isinstance(figure, dict):
            return cls(figure, None, None)  # of an older evaluation
        return cls(figure.get("value"), figure.get("lower"), figure.get("upper"))

    @property
    def interval(self) -> str:
        return "" if self.lower is None or self.upper is None else f"{self.lower:.3f} to {self.upper:.3f}"


def write_history_page(history: RunHistory, folder: Path) -> Path:
    """Write the page into `folder`, and return its path."""
    page = folder / HISTORY_PAGE
    json_files.write_file_atomically(page, render_history(history, folder).encode())
    return page


def render_history(history: RunHistory, folder: Path) -> str:
    """Return the page, with links to reports that are relative to `folder`."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([Path(__file__).parent, _REPORT_TEMPLATES]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    champion = next((each for each in history.runs if history.champion and each.package == history.champion), None)
    charts = [_chart(title, history.runs, champion) for title in CHARTED]
    return environment.get_template("history.html.jinja").render(
        history=history,
        champion=champion,
        charts=[each for each in charts if each["points"]],
        metrics=COLUMNS,
        rows=[_row(each, folder) for each in reversed(history.runs)],
        research_use=RESEARCH_USE,
    )


def _row(facts: RunFacts, folder: Path) -> dict[str, Any]:
    measured = [_Estimate.of(facts.metrics.get(title)) for title in COLUMNS]
    thresholds = {name for name in facts.parameters if name.startswith("Gate")}
    return {
        "run": facts.run,
        "link": quote(os.path.relpath(facts.report, folder)) if facts.report else "",
        "started": _utc(facts.started).strftime("%Y-%m-%d %H:%M UTC"),
        "outcome": facts.outcome,
        "mark": _MARKS.get(facts.outcome, ""),
        "approval": APPROVAL_WORDS.get(facts.approval, facts.approval),
        "metrics": [(NOT_MEASURED if each.value is None else f"{each.value:.3f}", each.interval) for each in measured],
        "algorithm": facts.algorithm,
        "profile": facts.profile,
        "parameters": {name: value for name, value in facts.parameters.items() if name not in thresholds},
    }


def _chart(title: str, runs: Sequence[RunFacts], champion: RunFacts | None) -> dict[str, Any]:
    """Return what the template draws of a metric."""
    measured = [(each, _Estimate.of(each.metrics.get(title))) for each in runs]
    known = [(each, found) for each, found in measured if found.value is not None]
    shown = known[-SHOWN_POINTS:]
    best = _Estimate.of(champion.metrics.get(title)).value if champion else None
    ends = [end for _, found in shown for end in (found.value, found.lower) if end is not None]
    lowest = min(ends if best is None else [*ends, best], default=0.0)
    floor = max(each for each in _FLOORS if each <= lowest)

    def height(value: float | None) -> float | None:
        return None if value is None else round(_BOTTOM - (value - floor) / (1 - floor) * (_BOTTOM - _TOP), 1)

    ticks = [floor + (1 - floor) * step / _STEPS for step in range(_STEPS + 1)]
    distance = (_RIGHT - _LEFT) / max(1, len(shown))
    points = []
    for number, (each, found) in enumerate(shown):
        x, y = round(_LEFT + (number + 0.5) * distance, 1), height(found.value) or 0.0
        within = f" ({found.interval})" if found.interval else ""
        points.append(
            {
                "x": x,
                "lower": height(found.lower) if found.upper is not None else None,
                "upper": height(found.upper),
                "colour": _PASSED_COLOUR if each.outcome == PASSED else _OTHER_COLOUR,
                "marker": _circle(x, y) if each.outcome == PASSED else _diamond(x, y),
                "text": f"{each.run}: {found.value:.3f}{within}, {each.outcome}",
            }
        )
    return {
        "title": title.capitalize(),
        "alt": _alternative(title, shown, champion, best),
        "ticks": [{"y": height(value), "text": f"{value:.2f}"} for value in ticks],
        "champion": height(best),
        "points": points,
        "omitted": len(known) - len(shown),
        "first": f"{_utc(shown[0][0].started):%Y-%m-%d}" if shown else "",
        "last": f"{_utc(shown[-1][0].started):%Y-%m-%d}" if shown else "",
    }


def _alternative(
    title: str, shown: Sequence[tuple[RunFacts, _Estimate]], champion: RunFacts | None, best: float | None
) -> str:
    """Return the chart in words; the table has all figures."""
    if not shown:
        return ""
    newest, found = shown[-1]
    text = f"{title.capitalize()} of {len(shown)} runs. The newest, {newest.run}: {found.value:.3f}"
    text += f" ({found.interval})" if found.interval else ""
    return f"{text}. The champion, {champion.run}: {best:.3f}." if champion and best is not None else f"{text}."


def _circle(x: float, y: float) -> str:
    return f"M{x - 4:.1f} {y:.1f}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z"


def _diamond(x: float, y: float) -> str:
    return f"M{x:.1f} {y - 5:.1f}l5 5l-5 5l-5 -5z"


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
