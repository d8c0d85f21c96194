# SPDX-License-Identifier: MIT-0
"""The actions of a delivery whose stage is elsewhere: who is asked by which credentials, and what is reported."""

import pytest

from operations.functions import lambda_handlers
from tests.operations import elsewhere
from tests.operations.elsewhere import (
    BOUGHT_IMAGE,
    BUCKET,
    CONTAINER,
    DENIED,
    IMAGES,
    IMAGES_ROLE,
    MODEL,
    PUBLISHED_IMAGE,
    REGION,
    ROLE,
    There,
)
from tests.operations.evidence import GOLDEN
from tests.operations.functions.test_handler import CONTEXT
from tests.operations.functions.test_job import event, fails, succeeds
from tests.operations.functions.test_smoke_endpoint import evidence, invoked
from tests.operations.service import CHAMPION, EARLIER, PACKAGE, Services

PROMOTE = {"endpoint": "production", "package": PACKAGE, "champion": CHAMPION} | {
    "access": ROLE,
    "region": REGION,
    "bucket": BUCKET,
}


PUBLISH = {"package": PACKAGE, "bucket": BUCKET, "region": REGION, "access": IMAGES_ROLE, "images": IMAGES}


def test_publish_has_the_model_copied_where_the_bucket_is_and_reports_both_uris(aws: Services, there: There) -> None:
    elsewhere.serves(aws, CONTAINER | {"ModelDataETag": "0a1b"})
    elsewhere.admits(aws, "publish", IMAGES_ROLE)
    elsewhere.has_image(there)
    there.services.answers("s3", "copy_object", {})
    told = f"The model of version 3 of skin-lesion is {MODEL}, its image {PUBLISHED_IMAGE}."
    succeeds(aws, told, model=MODEL, image=PUBLISHED_IMAGE)
    lambda_handlers.publish(event(PUBLISH), CONTEXT, aws, there.copies, there.connect)
    assert there.copied == [REGION]
    assert [region for _, region in there.asked] == [REGION]


def test_publish_assumes_no_role_for_an_image_that_aws_keeps_in_each_region(aws: Services, there: There) -> None:
    elsewhere.serves(aws, CONTAINER | {"ModelDataETag": "0a1b", "Image": BOUGHT_IMAGE})
    there.services.answers("s3", "copy_object", {})
    image = "685385470294.dkr.ecr.eu-west-1.amazonaws.com/bought:1"
    succeeds(aws, f"The model of version 3 of skin-lesion is {MODEL}, its image {image}.", model=MODEL, image=image)
    lambda_handlers.publish(event(PUBLISH), CONTEXT, aws, there.copies, there.connect)
    assert there.asked == []


def test_smoke_asks_the_endpoint_by_the_access_role_and_the_evaluation_by_its_own(aws: Services, there: There) -> None:
    aws.package()
    elsewhere.admits(aws, "smoke")
    evidence(aws, "predictions.csv", *GOLDEN)
    for image_id in GOLDEN:
        invoked(there.services, image_id)
    aws.answers("codepipeline", "put_job_success_result", {})
    lambda_handlers.smoke(
        event({"endpoint": "staging", "package": PACKAGE, "access": ROLE, "region": REGION}),
        CONTEXT,
        aws,
        there.connect,
    )
    assert [region for _, region in there.asked] == [REGION]


def test_smoke_says_of_an_endpoint_that_is_closed_to_it_which_sides_to_look_at(aws: Services, there: There) -> None:
    aws.package()
    elsewhere.admits(aws, "smoke")
    evidence(aws, "predictions.csv", "I2")
    there.services.refuses("sagemaker-runtime", "invoke_endpoint", DENIED)
    fails(aws, _closed("InvokeEndpoint"))
    lambda_handlers.smoke(
        event({"endpoint": "staging", "package": PACKAGE, "access": ROLE, "region": REGION}),
        CONTEXT,
        aws,
        there.connect,
    )


def _closed(operation: str) -> str:
    return (
        f"{ROLE}: {operation}: AccessDenied: No. It is in the account and region of the stage. There: is the stack "
        "that ends in -site deployed, and does its policy name this function's role? In the build account: does the "
        "deployment stack allow that role to use it? Run make deploy with credentials for both, then retry."
    )


def test_promote_holds_the_endpoint_to_the_copy_that_was_made_for_it(aws: Services, there: There) -> None:
    elsewhere.admits(aws, "promote")
    there.services.endpoint("production", artifact=MODEL)
    aws.champion(EARLIER)
    aws.answers("ssm", "put_parameter", {"Version": 2})
    succeeds(aws, "version 3 of skin-lesion is the champion.")
    lambda_handlers.promote(event(PROMOTE), CONTEXT, aws, there.connect)


@pytest.mark.parametrize(
    ("artifact", "served"),
    [(MODEL.replace("/3/", "/2/"), MODEL.replace("/3/", "/2/")), ("", "an unknown model")],
)
def test_promote_moves_nothing_where_the_endpoint_serves_another_copy(
    aws: Services, there: There, artifact: str, served: str
) -> None:
    elsewhere.admits(aws, "promote")
    there.services.endpoint("production", arn="", artifact=artifact)
    fails(aws, f"endpoint 'production': serves {served}, not {MODEL}. Deliver that package again: approve it.")
    lambda_handlers.promote(event(PROMOTE), CONTEXT, aws, there.connect)


def test_promote_says_of_an_endpoint_that_it_may_not_look_at_which_sides_to_look_at(
    aws: Services, there: There
) -> None:
    elsewhere.admits(aws, "promote")
    there.services.refuses("sagemaker", "describe_endpoint", "AccessDeniedException")
    fails(aws, _closed("DescribeEndpoint").replace("AccessDenied", "AccessDeniedException"))
    lambda_handlers.promote(event(PROMOTE), CONTEXT, aws, there.connect)
