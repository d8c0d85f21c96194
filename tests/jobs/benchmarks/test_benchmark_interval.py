# SPDX-License-Identifier: MIT-0
"""The benchmark of the intervals measures a model on images like HAM10000's."""

from collections import Counter

from benchmarks import interval
from pipeline_src import contract


def test_classes_and_lesions_are_as_common_as_in_the_dataset() -> None:
    listed = interval.predictions(4000).images
    counted = Counter(image.label for image in listed)
    assert set(counted) == set(contract.CLASS_LABELS)
    assert 0.64 < counted["nv"] / 4000 < 0.70
    assert 0.4 < len({image.lesion_id for image in listed}) / 4000 < 0.8


def test_a_measured_round_takes_time() -> None:
    assert interval.seconds(interval.predictions(100)) > 0
