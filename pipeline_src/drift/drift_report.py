# SPDX-License-Identifier: MIT-0
"""Renders monitor.html: one file that opens offline and shows first whether production differs from the baseline.

The style sheet and macros are those of the evaluation report.
"""

import base64
from pathlib import Path
from typing import Final

import jinja2
import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from numpy.typing import NDArray

from pipeline_src import contract
from pipeline_src.drift import (
    drift_baseline,
    drift_tests,
    ground_truth,
    image_features,
    lasting_shift,
    monitor_results,
    monitor_wording,
)
from pipeline_src.drift.drift_tests import DriftCheck
from pipeline_src.drift.monitor_results import MonitorResult
from pipeline_src.report import inline_svg, report_plots, report_wording
from pipeline_src.report.html_report import TEMPLATE_FILTERS
from pipeline_src.report.report_plots import ReportPlot

_COLUMNS: Final = 2
_BINS: Final = 24
_ENDS: Final = (0.5, 99.5)  # percentiles of both samples; values beyond them are counted in the outer bins

Floats = NDArray[np.float64]


def draw_monitor_plots(made: MonitorResult) -> list[ReportPlot]:
    """Return the plots; none if nothing was compared."""
    if made.status != monitor_results.STATUS_COMPARED:
        return []
    with style.context("default"):  # independent of a matplotlibrc on this machine
        return [_plot_distributions(made), _plot_class_mix(made)]


def _plot_distributions(made: MonitorResult) -> ReportPlot:
    rows = -(-len(image_features.FEATURE_NAMES) // _COLUMNS)
    drawing = report_plots.new_figure(1.25 * rows + 0.3)
    grid = drawing.subplots(rows, _COLUMNS, squeeze=False)
    table, violated = made.table, {each.name for each in made.violations}
    for at, name in enumerate(image_features.FEATURE_NAMES):
        axes = grid[at // _COLUMNS, at % _COLUMNS]
        _histogram(axes, made.known.values[name], table[:, at].astype(np.float64), striking=name in violated)
        mark = " ✗" if name in violated else ""
        axes.set_title(
            name.replace("_", " ") + mark, fontsize=9, color=report_plots.VERMILION if mark else inline_svg.INK
        )
    for at in range(len(image_features.FEATURE_NAMES), rows * _COLUMNS):
        grid[at // _COLUMNS, at % _COLUMNS].set_axis_off()
    apart = ", ".join(name for name in image_features.FEATURE_NAMES if name in violated) or "none"
    alt = (
        f"Histograms of {len(image_features.FEATURE_NAMES)} features, the window over the baseline. Violated: {apart}."
    )
    return report_plots.finish_plot(drawing, "distributions.png", "Distributions", alt)


def _histogram(axes: Axes, before: Floats, now: Floats, *, striking: bool) -> None:
    """Draw both histograms as shares of their images."""
    low, high = np.percentile(np.concatenate([before, now]), _ENDS)
    low, high = (low - 0.5, high + 0.5) if high <= low else (low, high)
    edges = np.linspace(low, high, _BINS + 1)
    shares = [np.histogram(np.clip(each, low, high), edges)[0] / len(each) for each in (before, now)]
    report_plots.style_axes(axes)
    axes.stairs(shares[0], edges, fill=True, color=inline_svg.BASELINE)
    axes.stairs(shares[1], edges, color=report_plots.VERMILION if striking else report_plots.BLUE, linewidth=1.8)
    axes.set_yticks([])
    axes.tick_params(labelsize=8)
    axes.spines["left"].set_visible(False)


def _plot_class_mix(made: MonitorResult) -> ReportPlot:
    counts = [made.known.mix, image_features.count_predicted_classes(made.table)]
    shares = [each / each.sum() for each in counts]
    striking = drift_baseline.CLASS_MIX in {each.name for each in made.violations}
    drawing = report_plots.new_figure(2.6)
    axes = report_plots.grid_axes(drawing)
    places = np.arange(len(contract.CLASS_LABELS))
    axes.bar(places - 0.2, shares[0], 0.4, color=inline_svg.BASELINE, label="baseline")
    axes.bar(
        places + 0.2, shares[1], 0.4, color=report_plots.VERMILION if striking else report_plots.BLUE, label="window"
    )
    axes.set_xticks(places, contract.CLASS_LABELS, fontsize=9)
    axes.set_ylabel("share of the images", fontsize=9)
    axes.legend(fontsize=9)
    said = ", ".join(
        f"{label} {before:.0%} and {now:.0%}" for label, before, now in zip(contract.CLASS_LABELS, *shares, strict=True)
    )
    alt = f"Share of each predicted class in the baseline and in the window: {said}."
    return report_plots.finish_plot(drawing, "class_mix.png", "Predicted classes", alt)


MONITOR_TEMPLATE_FOLDER: Final = Path(__file__).parent
MONITOR_TEMPLATE: Final = "monitor.html.jinja"
# The sections in the order of the page: id and name in the table of contents.
MONITOR_SECTIONS: Final = {
    "verdict": "Result",
    "window": "Window",
    "checks": "Checks",
    "lasting": "Several windows",
    "distributions": "Distributions",
    "truth": "Confirmed labels",
    "unused": "Unusable records",
}
_WORDS: Final = {
    monitor_results.STATUS_EMPTY: "NO REQUESTS",
    monitor_results.STATUS_TOO_FEW: "TOO FEW IMAGES",
    monitor_results.STATUS_COMPARED: "NO VIOLATION",
}


def render_monitor_report(made: MonitorResult) -> str:
    """Return the page; the same result gives the same bytes."""
    return (
        _environment()
        .get_template(MONITOR_TEMPLATE)
        .render(
            outcome=made,
            word="VIOLATED" if made.violations else _WORDS[made.status],
            identity={
                "endpoint": made.assignment.endpoint,
                "period": str(made.assignment.period),
                "schedule": made.assignment.schedule,
            },
            kind="reject" if made.violations else "pass" if made.status == monitor_results.STATUS_COMPARED else "",
            sections=MONITOR_SECTIONS,
            statement=made.statement,
            sentence=made.message.partition(": ")[2],
            drawn={each.name.removesuffix(".png"): each for each in draw_monitor_plots(made)},
            rejections=made.window.rejections.as_json(),
            tail=drift_tests.TAIL,
            least_windows=lasting_shift.LEAST_WINDOWS,
            least_shift=lasting_shift.LEAST_SHIFT,
            limit=lasting_shift.LIMIT,
            problems={} if made.truth is None else ground_truth.summarize_problems(made.truth.problems),
            least=made.known.constraints.least,
        )
    )


def direction_of_change(each: DriftCheck) -> str:
    """Return "higher" or "lower" for a significant change of an ordered feature, otherwise an empty string."""
    if each.direction is None or not each.significant:
        return ""
    return "higher" if each.direction > 0 else "lower"


def format_check_side(value: float, each: DriftCheck) -> str:
    """Return the formatted median or share of one side of a check."""
    if each.test in {drift_tests.BINOMIAL, drift_tests.CHI_SQUARE}:
        return f"{100 * value:.1f} %"
    return f"{value:.4g}".replace("-", "\u2212")


def _environment() -> jinja2.Environment:
    """Return the template environment; it escapes all values, and a missing value is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(
            [MONITOR_TEMPLATE_FOLDER, MONITOR_TEMPLATE_FOLDER.parent / "report" / "templates"]
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        TEMPLATE_FILTERS, moved=direction_of_change, data_uri=_data_uri
    )  # all that part.html.jinja asks for
    environment.globals.update(
        titles=monitor_results.CHECK_TITLES,
        side=format_check_side,
        check_sentence=monitor_wording.check_sentence,
        research_use=report_wording.RESEARCH_USE,
        intended_use=report_wording.INTENDED_USE_SUMMARY,
        mix=drift_baseline.CLASS_MIX,
        class_titles=contract.CLASS_TITLES,
        exact_mark=report_wording.EXACT_MARK,
    )
    return environment


def _data_uri(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
