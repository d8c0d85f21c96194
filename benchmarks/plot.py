# SPDX-License-Identifier: MIT-0
"""Plots the results of the preprocessing benchmark: ``python -m benchmarks.plot RESULTS.json PLOT.png``."""

import json
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt


def draw(results: Path, plot: Path) -> None:
    """Plot time and memory over the number of images."""
    rows = json.loads(results.read_text(encoding="utf-8"))
    sizes = [row["images"] for row in rows]
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    left.plot(sizes, [row["ours"] for row in rows], "o-", label="preprocessing job")
    left.plot(sizes, [row["bare"] for row in rows], "x-", label="without its audit")
    left.plot(sizes, [row["limit"] for row in rows], "s--", label="lower bound: inflate, decode, resize, encode")
    left.plot(sizes, [row["plain"] for row in rows], "^:", label="lower bound without inflating")
    left.set(xlabel="images", ylabel="seconds, start to end", xlim=(0, None), ylim=(0, None), title="Time")
    left.legend()
    right.plot(sizes, [row["memory"] / 1e6 for row in rows], "o-", label="preprocessing job")
    right.axhline(160, color="0.5", linestyle="--", label="target")
    right.set(xlabel="images", ylabel="peak MB, all processes", xlim=(0, None), ylim=(0, 180), title="Memory")
    right.legend(loc="lower right")
    figure.savefig(plot, dpi=120)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
