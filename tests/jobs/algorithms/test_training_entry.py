# SPDX-License-Identifier: MIT-0
"""A training starts by the name of its algorithm; another name is refused, with what may be meant."""

import pytest

from pipeline_src.algorithms import training_entry
from pipeline_src.algorithms.algorithm_table import ALGORITHMS
from pipeline_src.runtime.errors import BadInputError


@pytest.mark.parametrize(
    ("name", "said"),
    [("linear_prob", "perhaps linear_probe"), ("", "unknown"), ("builtin_image_classification", "in an image of AWS")],
)
def test_what_cannot_be_trained_here_is_refused_by_name(name: str, said: str) -> None:
    with pytest.raises(BadInputError, match="TRAINING_ALGORITHM") as caught:
        training_entry.training_module(name)
    assert said in str(caught.value)


def test_each_other_algorithm_has_a_module() -> None:
    found = {name: each.training_module for name, each in ALGORITHMS.items() if each.training_module}
    assert {name: training_entry.training_module(name) for name in found} == found
