# SPDX-License-Identifier: MIT-0
"""Runs Preprocess without its leakage audit, for comparison: no views are computed or compared."""

import sys
from collections.abc import Mapping, Sequence

import numpy as np

from pipeline_src.dataset import perceptual_hash
from pipeline_src.dataset.perceptual_hash import Bytes, SimilarityBounds
from pipeline_src.jobs import preprocess
from pipeline_src.leakage import near_duplicates
from pipeline_src.runtime import job_exit

# Grey from dark to bright: an even view would be counted as a black or a flat image.
_SHADES = np.linspace(40, 200, perceptual_hash.VIEW_SIDE**2).astype(np.uint8)
_ANY_VIEW = _SHADES.reshape(perceptual_hash.VIEW_SIDE, perceptual_hash.VIEW_SIDE)


def view(pixels: Bytes) -> Bytes:
    """Return the same view for every image."""
    del pixels
    return _ANY_VIEW


def near(
    views: Bytes, splits: Mapping[int, str], workers: int, bounds: SimilarityBounds = perceptual_hash.SIMILARITY_BOUNDS
) -> dict[near_duplicates.ImagePair, int]:
    """Return no near-duplicates."""
    del views, splits, workers, bounds
    return {}


def alike(
    views: Bytes,
    splits: Mapping[int, str],
    labels: Sequence[str],
    workers: int,
    bounds: SimilarityBounds = perceptual_hash.SIMILARITY_BOUNDS,
) -> list[near_duplicates.ImagePair]:
    """Return no look-alikes with two labels."""
    del views, splits, labels, workers, bounds
    return []


if __name__ == "__main__":
    # There is no setting for this, because no dataset should be built without an audit.
    perceptual_hash.grey_view, near_duplicates.find_near_duplicates = view, near
    near_duplicates.find_look_alikes_with_other_label = alike
    sys.exit(
        job_exit.run_job(lambda: preprocess.run_preprocessing(preprocess.parse_preprocessing_options(sys.argv[1:])))
    )
