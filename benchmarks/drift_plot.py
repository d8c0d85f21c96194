# SPDX-License-Identifier: MIT-0
"""Plots the results of the drift benchmark: ``python -m benchmarks.drift_plot RESULTS.json PLOT.png``."""

import json
import sys
from pathlib import Path
from typing import Final

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

from benchmarks.traffic import CLEAN_PATTERNS

_RATE: Final = 0.02
_MARKERS: Final = "osD^vPX*h"


def draw(results: Path, plot: Path) -> None:
    """Plot the share of windows with an alarm over their size, without a shift and with each shift."""
    rows = json.loads(results.read_text(encoding="utf-8"))
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.4), layout="constrained")
    for number, kind in enumerate(kinds):
        mine = [row for row in rows if row["kind"] == kind]
        shares = [100 * row["alarms"] / row["windows"] for row in mine]
        axes = left if kind in CLEAN_PATTERNS else right
        axes.plot([row["size"] for row in mine], shares, f"{_MARKERS[number % len(_MARKERS)]}-", label=kind)
    left.axhline(100 * _RATE, color="0.5", linestyle="--", label="allowed")
    left.set(title="Windows without a shift", ylim=(-0.2, 5))
    right.set(title="Windows with a shift", ylim=(0, 103))
    for axes in (left, right):
        axes.set(xlabel="images in the window", ylabel="windows with an alarm, %", xlim=(0, None))
        axes.legend(fontsize=8)
    figure.savefig(plot, dpi=120)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
