# SPDX-License-Identifier: MIT-0
"""The job without its leakage audit, for comparison alone: no views are made and none are compared."""

import sys
from collections.abc import Mapping

import numpy as np

from pipeline_src.jobs import failure, preprocess
from pipeline_src.lesions import likeness, twin
from pipeline_src.lesions.likeness import Bounds, Bytes

_NOTHING = np.zeros((likeness.SIDE, likeness.SIDE), np.uint8)


def view(pixels: Bytes) -> Bytes:
    """Return nothing to see."""
    del pixels
    return _NOTHING


def near(
    views: Bytes, splits: Mapping[int, str], workers: int, bounds: Bounds = likeness.BOUNDS
) -> dict[twin.Pair, int]:
    """Return no pair."""
    del views, splits, workers, bounds
    return {}


if __name__ == "__main__":
    # The job has no setting for this, because no dataset should be made without an audit.
    likeness.view, twin.near = view, near
    sys.exit(failure.run(lambda: preprocess.preprocess(preprocess.options(sys.argv[1:]))))
