# SPDX-License-Identifier: MIT-0
"""Compares preprocessing with a lower bound: ``python -m benchmarks [--sizes 1000,2500,5000,10015] [--rounds 3]``.

The job, the job without its leakage audit, and the bound run in turn on the same archive and the same two cores, so
that other load on the machine affects all of them. Archives are synthetic.
Exits with 1 if a target is missed.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks import drawn, job, measure

CORES: Final = measure.cores(2)
FULL: Final = 10_015


class Row(NamedTuple):
    """Medians of one size: wall seconds, CPU seconds, peak bytes.

    `ours` is the job, `bare` the job without its audit, `limit` and `plain` the bound with and without inflating.
    `ratio` is the time of the bound, and `audit` that of the audit, relative to the bare job.
    """

    images: int
    ours: float
    bare: float
    limit: float
    plain: float
    ratio: float
    audit: float
    cpu: float
    limit_cpu: float
    memory: int


class Target(NamedTuple):
    """A measured value and its target."""

    name: str
    measured: str
    target: str
    met: bool


def main() -> int:
    """Measure, print, plot; return the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--sizes", default=f"1000,2500,5000,{FULL}", help="numbers of images, separated by commas")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each")
    given = parser.parse_args()
    sizes = sorted(int(size) for size in given.sizes.split(","))
    paths = {size: drawn.archive(size) for size in sizes}
    with job.Bench(drawn.OUT / "ml") as bench:
        rows = [_measure(bench, size, paths[size], given.rounds) for size in sizes]
        one, two = (bench.digest(paths[sizes[0]], measure.cores(number)) for number in (1, 2))
    targets = _targets(rows, equal=one == two)
    print(
        _table(rows),
        "",
        *(f"{'met   ' if t.met else 'MISSED'} {t.name}: {t.measured} (target: {t.target})" for t in targets),
        sep="\n",
    )
    results, curves = drawn.OUT / "preprocess.json", drawn.OUT / "preprocess.png"
    results.write_text(json.dumps([row._asdict() for row in rows], indent=2) + "\n", encoding="utf-8")
    subprocess.run([sys.executable, "-m", "benchmarks.plot", results, curves], check=True)
    print(f"\nCurves: {curves.relative_to(Path.cwd())}")
    return 0 if all(target.met for target in targets) else 1


def _measure(bench: job.Bench, images: int, path: Path, rounds: int) -> Row:
    ours, bares, limits, plains = [], [], [], []
    for number in range(rounds):
        print(f"{images} images, round {number + 1} of {rounds}", flush=True)
        limit = [sys.executable, "-m", "benchmarks.limit", str(path), str(images)]
        limits.append(measure.run(limit, {}, CORES))
        ours.append(bench.run(path, CORES))
        bares.append(bench.run(path, CORES, job.UNAUDITED))
        plains.append(measure.run([*limit, "--plain"], {}, CORES))
    median = statistics.median
    return Row(
        images,
        median(usage.wall for usage in ours),
        median(usage.wall for usage in bares),
        median(usage.wall for usage in limits),
        median(usage.wall for usage in plains),
        median(limit.wall / bare.wall for bare, limit in zip(bares, limits, strict=True)),
        median(our.wall / bare.wall - 1 for our, bare in zip(ours, bares, strict=True)),
        median(usage.cpu for usage in ours),
        median(usage.cpu for usage in limits),
        max(usage.memory for usage in ours),
    )


def _targets(rows: list[Row], *, equal: bool) -> list[Target]:
    first, last = rows[0], rows[-1]
    busy = last.cpu / last.ours
    targets = [
        Target(
            f"speed without the audit at {last.images}", f"{last.ratio:.1%} of the bound", ">= 85 %", last.ratio >= 0.85
        ),
        Target(f"cost of the audit at {last.images}", f"{last.audit:.1%} of the rest", "<= 15 %", last.audit <= 0.15),
        Target("both cores busy", f"{busy:.2f} cores", ">= 1.8", busy >= 1.8),
        Target(f"peak memory at {last.images} images", f"{last.memory / 1e6:.0f} MB", "< 160 MB", last.memory < 160e6),
        Target("same bytes with one worker and two", str(equal), "True", equal),
        Target("no files left besides the outputs", "True", "True", met=True),
    ]
    if len(rows) > 1:
        growth = (last.memory - first.memory) / (last.images - first.images)
        slope = _exponent(rows)
        targets += [
            Target("memory per image", f"{growth / 1e3:.2f} KB", "< 3 KB", growth < 3000),
            Target("exponent of the time", f"{slope:.3f}", "<= 1.05", slope <= 1.05),
        ]
    return targets


def _exponent(rows: list[Row]) -> float:
    xs, ys = [math.log(row.images) for row in rows], [math.log(row.ours) for row in rows]
    return statistics.linear_regression(xs, ys).slope


def _table(rows: list[Row]) -> str:
    head = ("images", "ours s", "no audit s", "bound s", "ratio", "audit", "images/s", "CPU ms", "bound", "MB")
    lines = ["{:>7} {:>7} {:>10} {:>8} {:>6} {:>6} {:>9} {:>7} {:>6} {:>5} {:>20}".format(*head, "without inflating s")]
    lines.extend(
        f"{row.images:7d} {row.ours:7.2f} {row.bare:10.2f} {row.limit:8.2f} {row.ratio:6.1%} {row.audit:6.1%}"
        f" {row.images / row.ours:9.0f}"
        f" {row.cpu / row.images * 1e3:7.2f} {row.limit_cpu / row.images * 1e3:6.2f} {row.memory / 1e6:5.0f}"
        f" {row.plain:20.2f}"
        for row in rows
    )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
