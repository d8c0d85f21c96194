# SPDX-License-Identifier: MIT-0
"""The report's pictures: the distribution of each feature in the window over the baseline's, and the class mix."""

from typing import Final

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from numpy.typing import NDArray

from pipeline_src import contract
from pipeline_src.lesions.drift import feature, outcome, statistic
from pipeline_src.lesions.drift.outcome import Outcome
from pipeline_src.lesions.plot import canvas
from pipeline_src.lesions.plot.canvas import Plot

_COLUMNS: Final = 2
_BINS: Final = 24
_ENDS: Final = (0.5, 99.5)  # percentiles of both together; what lies beyond is counted in the outer bins

Floats = NDArray[np.float64]


def plots(made: Outcome) -> list[Plot]:
    """Return the pictures; none where nothing was compared."""
    if made.status != outcome.COMPARED:
        return []
    with style.context("default"):  # whatever a matplotlibrc on this machine says
        return [_distributions(made), _mix(made)]


def _distributions(made: Outcome) -> Plot:
    rows = -(-len(feature.NUMBERS) // _COLUMNS)
    drawing = canvas.figure(1.25 * rows + 0.3)
    grid = drawing.subplots(rows, _COLUMNS, squeeze=False)
    table, violated = made.window.sample.table(), {each.name for each in made.violations}
    for at, name in enumerate(feature.NUMBERS):
        axes = grid[at // _COLUMNS, at % _COLUMNS]
        _histogram(axes, made.known.values[name], table[:, at].astype(np.float64), striking=name in violated)
        mark = " ✗" if name in violated else ""
        axes.set_title(name.replace("_", " ") + mark, fontsize=9, color=canvas.VERMILION if mark else canvas.INK)
    for at in range(len(feature.NUMBERS), rows * _COLUMNS):
        grid[at // _COLUMNS, at % _COLUMNS].set_axis_off()
    apart = ", ".join(name for name in feature.NUMBERS if name in violated) or "none"
    alt = f"Histograms of {len(feature.NUMBERS)} features, the window over the baseline. Violated: {apart}."
    return Plot("distributions.png", "Distributions", alt, canvas.png(drawing))


def _histogram(axes: Axes, before: Floats, now: Floats, *, striking: bool) -> None:
    """Draw both as shares of their images."""
    low, high = np.percentile(np.concatenate([before, now]), _ENDS)
    low, high = (low - 0.5, high + 0.5) if high <= low else (low, high)
    edges = np.linspace(low, high, _BINS + 1)
    shares = [np.histogram(np.clip(each, low, high), edges)[0] / len(each) for each in (before, now)]
    canvas.plain(axes)
    axes.stairs(shares[0], edges, fill=True, color="#C4CAD3")
    axes.stairs(shares[1], edges, color=canvas.VERMILION if striking else canvas.BLUE, linewidth=1.8)
    axes.set_yticks([])
    axes.tick_params(labelsize=8)
    axes.spines["left"].set_visible(False)


def _mix(made: Outcome) -> Plot:
    counts = [made.known.mix, feature.predicted(made.window.sample.table())]
    shares = [each / each.sum() for each in counts]
    striking = statistic.CLASS_MIX in {each.name for each in made.violations}
    drawing = canvas.figure(2.6)
    axes = canvas.axes_of(drawing)
    places = np.arange(len(contract.CLASS_LABELS))
    axes.bar(places - 0.2, shares[0], 0.4, color="#C4CAD3", label="baseline")
    axes.bar(places + 0.2, shares[1], 0.4, color=canvas.VERMILION if striking else canvas.BLUE, label="window")
    axes.set_xticks(places, contract.CLASS_LABELS, fontsize=9)
    axes.set_ylabel("share of the images", fontsize=9)
    axes.legend(fontsize=9)
    said = ", ".join(
        f"{label} {before:.0%} and {now:.0%}" for label, before, now in zip(contract.CLASS_LABELS, *shares, strict=True)
    )
    alt = f"Share of each predicted class in the baseline and in the window: {said}."
    return Plot("class_mix.png", "Predicted classes", alt, canvas.png(drawing))
