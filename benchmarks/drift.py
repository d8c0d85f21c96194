# SPDX-License-Identifier: MIT-0
"""Measures false alarms and power of the drift monitor: ``make bench-drift [ARGS="--images 2500 --windows 200"]``.

Synthetic images (``python -m local sample``) stand for production. Some lesions form a baseline; windows are drawn from
the others, without a shift but correlated as in practice (`traffic.CLEAN_PATTERNS`), or with a shift. The windows are
spread evenly over several baselines, because a single one may be unusual. Answers are computed from the true class and
do not depend on the image, so that a shift of the images has to be detected in the images. Slight shifts are drawn for
several days too, after days without one. Everything is seeded. Exits with 1 if a target is missed.
"""

import argparse
import hashlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from benchmarks import drawn, measure, shift, volume
from benchmarks.shift import Names
from benchmarks.traffic import BASELINES, CLEAN_PATTERNS, KINDS, ORDINARY, REPEATS, SHIFTS, Traffic
from pipeline_src.drift import drift_tests, image_features, lasting_shift
from pipeline_src.drift.capture_window import MeasuredImage
from pipeline_src.drift.image_features import FeatureTable

SIZES: Final = (100, 200, 300, 600)
RATE: Final = 0.02  # largest share of windows, and of days, without a shift that may raise an alarm
FOUND: Final = 0.95  # smallest share of windows with a shift that must
WITHIN: Final = 300  # images within which a shift must be found that is not slight
MEMORY: Final = 300e6  # bytes
CLEAN_DAYS: Final = 30
DAY_IMAGES: Final = 40
DAYS_TO_FIND: Final = 12
_BEFORE: Final = 12  # days without a shift
_SLIGHT: Final = tuple(kind for kind in SHIFTS if kind.startswith("slight"))


class Row(NamedTuple):
    """The windows of one kind and size: how many raised an alarm, and how often each check did."""

    kind: str
    size: int
    windows: int
    alarms: int
    by: dict[str, int]


class Days(NamedTuple):
    """Series of days of one kind: how many raised an alarm at the end, and after how many days the last of 95 % did."""

    kind: str
    series: int
    alarms: int
    days: int | None


def main() -> int:
    """Measure, print, plot; return the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.drift", description=__doc__)
    parser.add_argument("--images", type=int, default=2500, help="number of synthetic images")
    parser.add_argument("--windows", type=int, default=200, help="windows of each kind and size")
    parser.add_argument("--series", type=int, default=100, help="series of days of each kind")
    parser.add_argument("--captured", type=int, default=100_000, help="requests for the memory measurement")
    given = parser.parse_args()
    traffic = Traffic(*_measured(given.images))
    rows = [row(traffic, kind, size, given.windows) for kind in KINDS for size in SIZES]
    print(_table(rows), _sizes(rows), sep="\n\n", flush=True)
    lasting = [quiet(traffic, kind, given.series) for kind in CLEAN_PATTERNS]
    lasting += [shifted(traffic, kind, given.series // 4) for kind in _SLIGHT]
    print(_lasting_table(lasting), flush=True)
    used = {count: volume.measured(drawn.OUT / "drift", count) for count in (given.captured // 10, given.captured)}
    print(_volumes(used))
    results, plot = drawn.OUT / "drift.json", drawn.OUT / "drift.png"
    results.write_text(json.dumps([each._asdict() for each in rows], indent=2) + "\n", encoding="utf-8")
    subprocess.run([sys.executable, "-m", "benchmarks.drift_plot", results, plot], check=True)
    print(f"\nCurves: {plot.relative_to(Path.cwd())}")
    return 0 if _kept(rows, lasting, used) else 1


def _measured(images: int) -> tuple[dict[str, FeatureTable], Names, Names]:
    """Return the tables of `shift.tables`, measured once for the same code."""
    code = b"".join(Path(str(module.__file__)).read_bytes() for module in (shift, image_features))
    path = drawn.OUT / f"drift-{images}-{hashlib.sha256(code).hexdigest()[:12]}.npz"
    if not path.exists():
        tables, lesions, labels = shift.tables(drawn.archive(images))
        np.savez(path, *tables.values(), lesions=lesions, labels=labels)
    with np.load(path) as kept:
        tables = {kind: kept[f"arr_{number}"] for number, kind in enumerate(shift.EDITS)}
        return tables, kept["lesions"], kept["labels"]


def row(traffic: Traffic, kind: str, size: int, windows: int) -> Row:
    """Return the result of that many windows of `kind` and `size`."""
    alarms, by = 0, Counter[str]()
    for number in range(windows):
        random = np.random.default_rng([KINDS.index(kind), size, number])
        window = traffic.window(kind, traffic.images(kind, size, number % BASELINES, random), random)
        made = drift_tests.run_drift_checks(window, window.sample.images(), traffic.baseline(number % BASELINES))
        violated = [each.name for each in made if each.violated]
        alarms += bool(violated)
        by.update(violated)
    return Row(kind, size, windows, alarms, dict(by.most_common(4)))


def quiet(traffic: Traffic, kind: str, series: int) -> Days:
    """Return how many of that many series of `CLEAN_DAYS` days of `kind` end with an alarm."""
    alarms = 0
    for number in range(series):
        random = np.random.default_rng([KINDS.index(kind), CLEAN_DAYS, number])
        days = [_day(traffic, kind, number, random) for _ in range(CLEAN_DAYS)]
        alarms += _rings(traffic, days, number)
    return Days(kind, series, alarms, None)


def shifted(traffic: Traffic, kind: str, series: int) -> Days:
    """Return after how many days of `kind` all but 5 % of that many series raise an alarm."""
    after = []
    for number in range(series):
        random = np.random.default_rng([KINDS.index(kind), _BEFORE, number])
        days = [_day(traffic, ORDINARY, number, random) for _ in range(_BEFORE)]
        for count in range(1, DAYS_TO_FIND + 1):
            days.append(_day(traffic, kind, number, random))
            if _rings(traffic, days, number):
                after.append(count)
                break
    needed_series = -int(-FOUND * series // 1)
    return Days(kind, series, len(after), sorted(after)[needed_series - 1] if len(after) >= needed_series else None)


def _day(traffic: Traffic, kind: str, number: int, random: np.random.Generator) -> list[MeasuredImage]:
    images = traffic.images(kind, DAY_IMAGES, number % BASELINES, random)
    return traffic.window(kind, images, random).sample.images()


def _rings(traffic: Traffic, days: Sequence[Sequence[MeasuredImage]], number: int) -> bool:
    found = lasting_shift.find_lasting_shifts(days, traffic.baseline(number % BASELINES))
    return any(each.violated for each in found)


def needed(rows: Iterable[Row], kind: str) -> int | None:
    """Return the smallest size from which on `FOUND` of the windows of `kind` raise an alarm; None without one."""
    least = None
    for each in sorted((each for each in rows if each.kind == kind), key=lambda each: -each.size):
        if each.alarms < FOUND * each.windows:
            break
        least = each.size
    return least


def _table(rows: list[Row]) -> str:
    head = f"{'windows with an alarm, images:':42}" + "".join(f"{size:>8}" for size in SIZES) + "   checks"
    lines = []
    for kind in KINDS:
        mine = [each for each in rows if each.kind == kind]
        by = ", ".join(mine[-1].by)
        lines.append(f"{kind:42}" + "".join(f"{each.alarms / each.windows:8.1%}" for each in mine) + f"   {by}")
    return "\n".join([head, *lines])


def _sizes(rows: list[Row]) -> str:
    kinds = (*SHIFTS, REPEATS)
    return "\n".join(f"{kind}: {needed(rows, kind) or f'more than {SIZES[-1]}'} images" for kind in kinds)


def _lasting_table(lasting: list[Days]) -> str:
    head = f"\nseries of days with {DAY_IMAGES} images each that raise an alarm at the end"
    lines = [
        f"{each.kind:42}{each.alarms / each.series:8.1%}"
        + ("" if each.kind in CLEAN_PATTERNS else f"   95 % within {each.days or f'more than {DAYS_TO_FIND}'} days")
        for each in lasting
    ]
    return "\n".join([head, *lines])


def _volumes(used: dict[int, measure.Usage]) -> str:
    return "\n".join(
        f"{count:,} requests: {usage.memory / 1e6:.0f} MB peak, {usage.wall:.0f} s, {usage.cpu:.0f} s CPU"
        for count, usage in used.items()
    )


def _kept(rows: list[Row], lasting: list[Days], used: dict[int, measure.Usage]) -> bool:
    clean = [(each.alarms, each.windows) for each in rows if each.kind in CLEAN_PATTERNS]
    clean += [(each.alarms, each.series) for each in lasting if each.kind in CLEAN_PATTERNS]
    kinds = [kind for kind in SHIFTS if kind not in _SLIGHT]
    targets = {
        f"at most {RATE:.0%} alarms without a shift": all(alarms <= RATE * count for alarms, count in clean),
        f"every shift is found in {WITHIN} images": all((needed(rows, kind) or SIZES[-1]) <= WITHIN for kind in kinds),
        f"slight shifts are found within {DAYS_TO_FIND} days": all(
            each.days is not None for each in lasting if each.kind in _SLIGHT
        ),
        f"less than {MEMORY / 1e6:.0f} MB": max(usage.memory for usage in used.values()) < MEMORY,
    }
    for name, kept in targets.items():
        print(f"{'met   ' if kept else 'MISSED'} {name}")
    return all(targets.values())


if __name__ == "__main__":
    sys.exit(main())
