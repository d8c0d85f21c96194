# SPDX-License-Identifier: MIT-0
"""A model package: what the registry says of it, and where its evaluation lies."""

from dataclasses import replace

import pytest

from operations.functions import model_package
from operations.functions.errors import UsageError
from operations.functions.model_package import ModelPackage
from tests.operations.service import EARLIER, METADATA, MONDAY, PACKAGE, Services

FOUND = ModelPackage(PACKAGE, "Approved", MONDAY, METADATA)


def test_the_registry_s_description_becomes_a_package(aws: Services) -> None:
    aws.package()
    assert model_package.describe_model_package(aws("sagemaker"), PACKAGE) == FOUND


def test_predictions_lie_beside_the_report_and_the_pictures_in_the_holdout() -> None:
    assert FOUND.evaluation == "s3://runs/runs/abc/evaluate/evaluation"
    assert FOUND.holdout == "s3://runs/runs/abc/preprocess/holdout"


def test_the_headline_is_one_line_and_leaves_out_what_is_not_there() -> None:
    assert FOUND.headline == (
        "balanced accuracy 0.712, melanoma sensitivity 0.851, melanoma specificity 0.803, threshold 0.214, "
        "1993 test images"
    )
    assert replace(FOUND, metadata={"test_images": "7"}).headline == "7 test images"
    assert replace(FOUND, metadata={}).headline == "the package has no figures"


def test_the_headline_says_what_has_changed_against_the_champion_of_its_day() -> None:
    said = METADATA | {"champion": EARLIER, "champion_difference": "balanced accuracy +0.012 from -0.020 to +0.044"}
    headline = replace(FOUND, metadata=said).headline
    changed = "; against version 2 of skin-lesion: balanced accuracy +0.012 from -0.020 to +0.044"
    assert headline == FOUND.headline + changed
    first = replace(FOUND, metadata=METADATA | {"champion": "none", "champion_difference": "absent champion"})
    assert first.headline == f"{FOUND.headline}; compared with no other model"
    waived = replace(FOUND, metadata=METADATA | {"champion": "waived", "champion_difference": "waived"})
    assert waived.headline.endswith("; not compared with the model in production: the comparison was turned off")


@pytest.mark.parametrize("compared", ["none", EARLIER])
def test_who_approves_is_told_that_another_model_than_it_was_compared_with_is_live_by_now(compared: str) -> None:
    found = replace(FOUND, metadata=METADATA | {"champion": compared, "champion_difference": "x"})
    live = PACKAGE.replace("/3", "/7")
    assert found.against_live(live) == "not compared with version 7 of skin-lesion, which is now in production"
    assert found.told(live) == f"{found.headline}; {found.against_live(live)}"


@pytest.mark.parametrize(
    ("compared", "live"),
    [(EARLIER, EARLIER), (EARLIER, ""), ("none", ""), (EARLIER, PACKAGE), ("waived", EARLIER), ("", EARLIER)],
)
def test_nobody_is_warned_of_a_comparison_that_holds_or_that_the_headline_tells_of(compared: str, live: str) -> None:
    found = replace(FOUND, metadata=METADATA | {"champion": compared, "champion_difference": "x"})
    assert found.against_live(live) == ""
    assert found.told(live) == found.headline


def test_the_longest_headline_leaves_room_in_the_message_of_the_approval() -> None:
    """CodePipeline takes 1,000 characters; the sentences around it, an ARN and the agreement need 440 at most."""
    longest = dict.fromkeys(METADATA, "9" * 20) | {"champion": PACKAGE, "champion_difference": "d" * 256}
    assert len(replace(FOUND, metadata=longest).told(EARLIER)) < 560


@pytest.mark.parametrize("value", [None, "", "report.html", "https://x/report.html"])
def test_a_package_without_a_report_was_not_registered_by_the_pipeline(value: str | None) -> None:
    metadata = {"commit": "0a1b2c3"} if value is None else {"commit": "0a1b2c3", "report": value}
    with pytest.raises(UsageError, match=r"skin-lesion/3: metadata 'report': .* .found keys: commit"):
        _ = replace(FOUND, metadata=metadata).evaluation


@pytest.mark.parametrize(
    "arn", ["skin-lesion", "arn:aws:sagemaker:us-east-1:111111111111:model-package/skin-lesion", ""]
)
def test_what_is_no_arn_of_a_version_is_refused_without_asking(aws: Services, arn: str) -> None:
    with pytest.raises(UsageError, match="is not the ARN of a version"):
        model_package.describe_model_package(aws("sagemaker"), arn)


def test_an_endpoint_s_package_is_found_through_its_model(aws: Services) -> None:
    aws.endpoint("production", EARLIER)
    aws("sagemaker").describe_endpoint(EndpointName="production")
    assert model_package.served_package_arn(aws("sagemaker"), "production") == EARLIER
