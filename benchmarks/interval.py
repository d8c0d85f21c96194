# SPDX-License-Identifier: MIT-0
"""``python -m benchmarks.interval [--sizes 2000,10000] [--rounds 3]``: all figures with their intervals, on one core.

Each round is a process of its own: it makes up the predictions of a model, and then times the draws of 2,000 resamples
and all figures of `pipeline_src.evaluation.classification_metrics`. Exit code 1 if a target is missed at the sizes
that it speaks of.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from benchmarks import measure
from pipeline_src import contract
from pipeline_src.evaluation import classification_metrics, confidence_intervals
from pipeline_src.evaluation.model_predictions import HoldoutImage, Predictions

CORE: Final = measure.cores(1)
ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
# Images of each class in HAM10000, in the contract's order; 7,470 lesions have 10,015 images.
IMAGES: Final = (1113, 6705, 514, 327, 1099, 115, 142)
LESIONS: Final = 7470 / 10_015
SECONDS: Final = {2000: 2.0}  # wanted at most
MEMORY: Final = {2000: 300e6, 10_000: 500e6}  # bytes; likewise


class Row(NamedTuple):
    """Median seconds of draws and figures, and the process's peak bytes, of one number of images."""

    images: int
    seconds: float
    memory: int


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.interval", description=__doc__)
    parser.add_argument("--sizes", default="2000,10000", help="numbers of images, separated by commas")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured")
    parser.add_argument("--round-of", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.round_of is not None:
        given.out.write_text(repr(seconds(predictions(given.round_of))), encoding="utf-8")
        return 0
    rows = [_measure(int(size), given.rounds) for size in given.sizes.split(",")]
    for row in rows:
        print(f"{row.images:7d} images {row.seconds:6.2f} s {row.memory / 1e6:6.0f} MB")
    missed = [
        f"MISSED at {row.images} images"
        for row in rows
        if row.seconds > SECONDS.get(row.images, row.seconds) or row.memory > MEMORY.get(row.images, row.memory)
    ]
    print(*missed or ["kept"], sep="\n")
    return 1 if missed else 0


def predictions(images: int) -> Predictions:
    """Return a model's answers to so many images of HAM10000's classes, with as many images a lesion."""
    random = np.random.default_rng(1)
    truth = random.choice(7, size=images, p=np.array(IMAGES) / sum(IMAGES))
    lesions = random.integers(np.maximum(1, LESIONS * images * np.array(IMAGES) / sum(IMAGES))[truth].astype(int))
    logits = random.normal(size=(images, 7))
    logits[np.arange(images), truth] += 2.0
    labels = [contract.CLASS_LABELS[position] for position in truth]
    listed = (
        HoldoutImage(f"ISIC_{row:07d}", f"HAM_{label}_{lesion}", label, contract.TEST)
        for row, (label, lesion) in enumerate(zip(labels, lesions, strict=True))
    )
    return Predictions(tuple(listed), np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))


def seconds(test: Predictions) -> float:
    """Return the CPU seconds of the draws and all figures of `test`: on one idle core, how long they take."""
    started = time.process_time()
    classification_metrics.estimate_metrics(test, 0.3, confidence_intervals.draw_resamples(test.images))
    return time.process_time() - started


def _measure(images: int, rounds: int) -> Row:
    taken, peaks = [], []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "seconds"
        command = [sys.executable, "-m", "benchmarks.interval", "--round-of", str(images), "--out", str(out)]
        for _ in range(rounds):
            peaks.append(measure.run(command, ONE_THREAD, CORE).memory)
            taken.append(float(out.read_text(encoding="utf-8")))
    return Row(images, statistics.median(taken), max(peaks))


if __name__ == "__main__":
    sys.exit(main())
