# SPDX-License-Identifier: MIT-0
"""The champion pointer: it names what serves in production."""

import pytest

from operations.functions import model_delivery
from operations.functions.errors import OperationError
from operations.functions.function_payloads import PromoteRequest, RejectionRequest
from tests.operations.service import CHAMPION, EARLIER, PACKAGE, TOPIC, Services

REQUEST = PromoteRequest("production", PACKAGE, CHAMPION)


def test_the_parameter_names_the_champion(aws: Services) -> None:
    aws.champion(PACKAGE)
    assert model_delivery.read_champion_arn(aws("ssm"), CHAMPION) == PACKAGE


def test_until_the_first_delivery_there_is_none(aws: Services) -> None:
    aws.champion("")
    assert model_delivery.read_champion_arn(aws("ssm"), CHAMPION) == ""


def test_it_is_forgotten_once_or_twice(aws: Services) -> None:
    aws.answers("ssm", "delete_parameter", {}, Name=CHAMPION)
    aws.refuses("ssm", "delete_parameter", "ParameterNotFound")
    model_delivery.delete_champion(aws("ssm"), CHAMPION)
    model_delivery.delete_champion(aws("ssm"), CHAMPION)


@pytest.mark.parametrize("served", [PACKAGE, ""], ids=["it says what it serves", "it does not say"])
def test_the_pointer_moves_to_what_the_production_endpoint_serves(aws: Services, served: str) -> None:
    aws.endpoint("production", served)
    aws.champion(EARLIER)
    put = {"Name": CHAMPION, "Value": PACKAGE, "Type": "String", "Overwrite": True}
    aws.answers("ssm", "put_parameter", {"Version": 2}, **put)
    told = model_delivery.promote_champion(REQUEST, sagemaker=aws("sagemaker"), ssm=aws("ssm"))
    assert told == "version 3 of skin-lesion is the champion."


def test_what_is_live_already_stays_live_since_then(aws: Services) -> None:
    """The parameter's date says since when; a retried stage or a changed setting makes it no younger."""
    aws.endpoint("production")
    aws.champion(PACKAGE)
    told = model_delivery.promote_champion(REQUEST, sagemaker=aws("sagemaker"), ssm=aws("ssm"))
    assert told == "version 3 of skin-lesion is the champion already."


def test_the_pointer_stays_where_the_endpoint_serves_another_package(aws: Services) -> None:
    aws.endpoint("production", EARLIER)
    with pytest.raises(OperationError, match=f"endpoint 'production': serves {EARLIER}, not {PACKAGE}"):
        model_delivery.promote_champion(REQUEST, sagemaker=aws("sagemaker"), ssm=aws("ssm"))


@pytest.mark.parametrize("status", ["RollingBack", "Updating", "UpdateRollbackFailed", "Failed"])
def test_the_pointer_stays_where_the_endpoint_is_not_in_service(aws: Services, status: str) -> None:
    aws.endpoint("production", status=status)
    with pytest.raises(OperationError, match=f"endpoint 'production': is {status}, not InService"):
        model_delivery.promote_champion(REQUEST, sagemaker=aws("sagemaker"), ssm=aws("ssm"))


def test_a_rejected_version_that_is_live_is_told_with_how_to_roll_back(aws: Services) -> None:
    aws.champion(PACKAGE)
    message = model_delivery.champion_rejected_message(PACKAGE)
    subject = "A rejected model version is live in production"
    aws.answers("sns", "publish", {"MessageId": "1"}, TopicArn=TOPIC, Subject=subject, Message=message)
    told = model_delivery.notify_champion_rejected(
        RejectionRequest({"ModelPackageArn": PACKAGE}, CHAMPION, TOPIC), ssm=aws("ssm"), sns=aws("sns")
    )
    assert told == "version 3 of skin-lesion was rejected and is in production. A notification was sent."
    assert message.startswith("version 3 of skin-lesion was rejected in the model registry and is live")
    assert "Rejecting a version does not stop it." in message
    assert "To roll back, approve an earlier version." in message
    assert "update-model-package --model-package-arn ARN --model-approval-status Approved" in message
    assert len(subject) <= 100


@pytest.mark.parametrize("live", [EARLIER, ""])
def test_a_rejected_version_that_is_not_live_is_told_to_nobody(aws: Services, live: str) -> None:
    aws.champion(live)
    told = model_delivery.notify_champion_rejected(
        RejectionRequest({"ModelPackageArn": PACKAGE}, CHAMPION, TOPIC), ssm=aws("ssm"), sns=aws("sns")
    )
    assert "is not in production" in told


def test_an_edit_of_a_rejected_version_that_is_live_is_told_to_nobody(aws: Services) -> None:
    edited = {"ModelPackageArn": PACKAGE, "UpdatedModelPackageFields": ["ModelCard"]}
    told = model_delivery.notify_champion_rejected(
        RejectionRequest(edited, CHAMPION, TOPIC), ssm=aws("ssm"), sns=aws("sns")
    )
    assert told == "version 3 of skin-lesion was edited; its approval did not change. No notification was sent."
