# SPDX-License-Identifier: MIT-0
"""Settings about accounts and regions: what cannot work is refused at synth."""

from typing import Any

import pytest

from pipeline_src.algorithms.algorithm_table import ALGORITHMS
from stacks.settings.settings_context import SettingError, settings_from_context
from stacks.settings.settings_validation import validate_settings
from tests.proof.sample import ACCOUNTS

# An algorithm in an image of AWS.
BOUGHT = {"training.algorithm": next(each.name for each in ALGORITHMS.values() if not each.training_image.is_built)}


def test_an_algorithm_whose_images_are_built_is_refused_in_no_region() -> None:
    far = {"build.account": "123456789012", "build.region": "mx-central-1"}
    assert validate_settings(settings_from_context(far)).build.region == "mx-central-1"


@pytest.mark.parametrize(
    ("context", "place", "said"),
    [
        ({"build.account": "12"}, "build.account", "12 digits"),
        ({"build.account": "123456789012"}, "build.account", "build.region with it"),
        ({"build.region": "Europe"}, "build.region", "eu-west-1"),
        (
            {"production_environment.account": "123456789012", "production_environment.region": "eu-west-1"},
            "build.account",
            "give build.account and build.region too",
        ),
        (
            ACCOUNTS | {"production_environment.region": "cn-north-1"},
            "production_environment.region",
            "same partition as build.region, eu-west-1",
        ),
        (
            ACCOUNTS | BOUGHT | {"staging_environment.region": "mx-central-1"},
            "staging_environment.region",
            "AWS has no image of training.algorithm there",
        ),
        (
            BOUGHT | {"build.account": "123456789012", "build.region": "mx-central-1"},
            "build.region",
            "AWS has no image of training.algorithm there",
        ),
        (
            ACCOUNTS
            | dict.fromkeys(("build.region", "staging_environment.region"), "cn-north-1")
            | {"production_environment.region": "cn-northwest-1"},
            "production_environment.region",
            "nobody has looked at China",
        ),
        (
            ACCOUNTS | {"staging_environment.region": ""},
            "staging_environment.account",
            "staging_environment.region with it",
        ),
    ],
)
def test_places_that_cannot_work_are_refused_with_place_value_and_remedy(
    context: dict[str, Any], place: str, said: str
) -> None:
    with pytest.raises(SettingError) as caught:
        validate_settings(settings_from_context(context))
    assert any(line.startswith(f"setting '{place}'") and said in line for line in str(caught.value).splitlines())
