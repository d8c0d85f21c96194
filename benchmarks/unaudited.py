# SPDX-License-Identifier: MIT-0
"""Runs Preprocess without its leakage audit, for comparison: no views are computed or compared."""

import sys
from collections.abc import Mapping

import numpy as np

from pipeline_src.dataset import perceptual_hash
from pipeline_src.dataset.perceptual_hash import Bytes, SimilarityBounds
from pipeline_src.jobs import preprocess
from pipeline_src.leakage import near_duplicates
from pipeline_src.runtime import job_exit

_NOTHING = np.zeros((perceptual_hash.VIEW_SIDE, perceptual_hash.VIEW_SIDE), np.uint8)


def view(pixels: Bytes) -> Bytes:
    """Return an empty view."""
    del pixels
    return _NOTHING


def near(
    views: Bytes, splits: Mapping[int, str], workers: int, bounds: SimilarityBounds = perceptual_hash.SIMILARITY_BOUNDS
) -> dict[near_duplicates.ImagePair, int]:
    """Return no near-duplicates."""
    del views, splits, workers, bounds
    return {}


if __name__ == "__main__":
    # There is no setting for this, because no dataset should be built without an audit.
    perceptual_hash.grey_view, near_duplicates.find_near_duplicates = view, near
    sys.exit(
        job_exit.run_job(lambda: preprocess.run_preprocessing(preprocess.parse_preprocessing_options(sys.argv[1:])))
    )
