# SPDX-License-Identifier: MIT-0
"""Measures false alarms and power of the drift monitor: ``make bench-drift [ARGS="--images 2500 --windows 200"]``.

Synthetic images (``python -m local sample``) stand for production. Some lesions form a baseline; windows of increasing
size are drawn from the others, lesion by lesion, unchanged or with a shift. The windows are spread evenly over several
baselines, because a single one may be unusual. Answers are computed from the true class and do not depend on the image,
so that a shift of the images has to be detected in the images. Everything is seeded.
Exits with 1 if a target is missed.
"""

import argparse
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from benchmarks import drawn, measure, shift, volume
from benchmarks.traffic import BASELINES, KINDS, Traffic
from pipeline_src.drift import drift_tests

SIZES: Final = (100, 150, 200, 300, 500, 800, 1200)
RATE: Final = 0.02  # largest share of windows without a shift that may raise an alarm
FOUND: Final = 0.95  # smallest share of windows with a shift that must
MEMORY: Final = 300e6  # bytes


class Row(NamedTuple):
    """The windows of one kind and size: how many raised an alarm, and how often each check did."""

    kind: str
    size: int
    windows: int
    alarms: int
    by: dict[str, int]


def main() -> int:
    """Measure, print, plot; return the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.drift", description=__doc__)
    parser.add_argument("--images", type=int, default=2500, help="number of synthetic images")
    parser.add_argument("--windows", type=int, default=200, help="windows of each kind and size")
    parser.add_argument("--captured", type=int, default=100_000, help="requests for the memory measurement")
    given = parser.parse_args()
    traffic = Traffic(*shift.tables(drawn.archive(given.images)))
    rows = [row(traffic, kind, size, given.windows) for kind in KINDS for size in SIZES]
    used = {count: volume.measured(drawn.OUT / "drift", count) for count in (given.captured // 10, given.captured)}
    print(_table(rows), _sizes(rows), _volumes(used), sep="\n\n")
    results, plot = drawn.OUT / "drift.json", drawn.OUT / "drift.png"
    results.write_text(json.dumps([each._asdict() for each in rows], indent=2) + "\n", encoding="utf-8")
    subprocess.run([sys.executable, "-m", "benchmarks.drift_plot", results, plot], check=True)
    print(f"\nCurves: {plot.relative_to(Path.cwd())}")
    return 0 if _kept(rows, used) else 1


def row(traffic: Traffic, kind: str, size: int, windows: int) -> Row:
    """Return the result of that many windows of `kind` and `size`."""
    alarms, by = 0, Counter[str]()
    for number in range(windows):
        random = np.random.default_rng([KINDS.index(kind), size, number])
        known, window = traffic.pair(kind, size, number % BASELINES, random)
        violated = [each.name for each in drift_tests.run_drift_checks(window, known) if each.violated]
        alarms += bool(violated)
        by.update(violated)
    return Row(kind, size, windows, alarms, dict(by.most_common(4)))


def needed(rows: Iterable[Row], kind: str) -> int | None:
    """Return the smallest size from which on `FOUND` of the windows of `kind` raise an alarm; None without one."""
    least = None
    for each in sorted((each for each in rows if each.kind == kind), key=lambda each: -each.size):
        if each.alarms < FOUND * each.windows:
            break
        least = each.size
    return least


def _table(rows: list[Row]) -> str:
    head = (
        f"{'share of windows with alarm':28}"
        + "".join(f"{size:>8}" for size in SIZES)
        + "   checks, at the largest size"
    )
    lines = []
    for kind in KINDS:
        mine = [each for each in rows if each.kind == kind]
        by = ", ".join(mine[-1].by)
        lines.append(f"{kind:28}" + "".join(f"{each.alarms / each.windows:8.1%}" for each in mine) + f"   {by}")
    return "\n".join([head, *lines])


def _sizes(rows: list[Row]) -> str:
    return "\n".join(f"{kind}: {needed(rows, kind) or f'more than {SIZES[-1]}'} images" for kind in KINDS[1:])


def _volumes(used: dict[int, measure.Usage]) -> str:
    return "\n".join(
        f"{count:,} requests: {usage.memory / 1e6:.0f} MB peak, {usage.wall:.0f} s, {usage.cpu:.0f} s CPU"
        for count, usage in used.items()
    )


def _kept(rows: list[Row], used: dict[int, measure.Usage]) -> bool:
    clean = [each for each in rows if each.kind == shift.CLEAN]
    quiet = all(each.alarms <= RATE * each.windows for each in clean)
    found = all(needed(rows, kind) is not None for kind in KINDS[1:])
    small = max(usage.memory for usage in used.values()) < MEMORY
    for name, kept in ((f"at most {RATE:.0%} alarms in clean windows", quiet), ("every shift is detected", found),
                       (f"less than {MEMORY / 1e6:.0f} MB", small)):  # fmt: skip
        print(f"{'met   ' if kept else 'MISSED'} {name}")
    return quiet and found and small


if __name__ == "__main__":
    sys.exit(main())
