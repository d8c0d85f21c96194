# SPDX-License-Identifier: MIT-0
"""What people type about a stage that is elsewhere: the credentials that lead there, and what is said without them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from botocore.response import StreamingBody
from click.testing import CliRunner, Result

from operations.__main__ import main
from operations.account.deployment_account import Account, caller_account_id
from operations.commands import next_steps
from tests.operations import elsewhere
from tests.operations.abroad import PLACE, PROFILE, REGION, THERE
from tests.operations.commands.test_next import beginning, packages, training
from tests.operations.commands.test_smoke import GOLDEN, content
from tests.operations.elsewhere import There
from tests.operations.evidence import answer, picture, table
from tests.operations.service import PACKAGE, Services
from tests.operations.state import MONDAY, NAME, OUTPUTS, arn

PRODUCTION = f"{NAME}-production"


@pytest.fixture
def there() -> Iterator[There]:
    yield from elsewhere.there()


def typed(aws: Services, there: There, *words: str) -> Result:
    """Run ``python -m operations`` with these words, where a profile leads to the other account."""
    connect: Callable[[str, str], Any] = lambda profile, region: there.connect({"profile": profile}, region)  # noqa: E731
    return CliRunner().invoke(main, words, obj=Account(NAME, aws, lambda _: None, connect=connect))


def deployed(aws: Services, place: Mapping[str, str] = PLACE) -> None:
    """Have the deployment stack described, once."""
    outputs = {**OUTPUTS["deployment"], **place}
    shown = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
    name = f"{NAME}-deployment"
    known = {"StackName": name, "StackId": arn(name), "CreationTime": MONDAY, "StackStatus": "UPDATE_COMPLETE"}
    aws.answers("cloudformation", "describe_stacks", {"Stacks": [{**known, "Outputs": shown}]}, StackName=name)


def belongs(there: There, account: str = THERE) -> None:
    """Have the credentials be those of an account."""
    there.services.answers("sts", "get_caller_identity", {"Account": account})


def missing(aws: Services) -> None:
    aws.refuses("sagemaker", "describe_endpoint", "ValidationException", f'Could not find endpoint "{PRODUCTION}".')


def evaluated(aws: Services, there: There) -> None:
    """Have our registry and bucket give the package's evaluation, and the endpoint there its answers."""
    aws.package()
    key = "runs/abc/evaluate/evaluation/predictions.csv"
    for _ in range(2):
        aws.answers("s3", "get_object", {"Body": content(table())}, Bucket="runs", Key=key)
    for name in GOLDEN:
        aws.answers("s3", "get_object", {"Body": content(picture(name))})
        body: StreamingBody = content(answer(picture(name)).body)
        given = {"Body": body, "ContentType": "application/json"}
        there.services.answers("sagemaker-runtime", "invoke_endpoint", given)


def test_smoke_follows_the_deployment_to_another_account_and_the_model_s_tag_back(aws: Services, there: There) -> None:
    missing(aws)
    deployed(aws)
    belongs(there)
    there.services.endpoint(PRODUCTION)
    there.services.stubs["sagemaker"]._queue.popleft()  # the status, which nobody asks for here
    tags = {"Tags": [{"Key": "project", "Value": NAME}, {"Key": "model-package", "Value": PACKAGE}]}
    there.services.answers(
        "sagemaker", "list_tags", tags, ResourceArn="arn:aws:sagemaker:us-east-1:111111111111:model/model"
    )
    evaluated(aws, there)
    result = typed(aws, there, "--production-profile", PROFILE, "smoke", "--endpoint", PRODUCTION)
    assert result.exit_code == 0, result.output
    assert there.asked == [({"profile": PROFILE}, REGION)]


def test_smoke_of_a_named_package_asks_the_other_endpoint_for_none(aws: Services, there: There) -> None:
    missing(aws)
    deployed(aws)
    belongs(there)
    evaluated(aws, there)
    words = ("smoke", "--endpoint", PRODUCTION, "--package", PACKAGE)
    result = typed(aws, there, "--production-profile", PROFILE, *words)
    assert result.exit_code == 0, result.output


def test_smoke_without_credentials_for_the_other_account_names_the_option(aws: Services, there: There) -> None:
    missing(aws)
    deployed(aws)
    belongs(there, "111111111111")
    result = typed(aws, there, "smoke", "--endpoint", PRODUCTION)
    assert result.exit_code == 2
    assert f"stage production: is in account {THERE}, {REGION}; these credentials are of another" in result.stderr


def test_an_endpoint_that_is_nowhere_stays_the_service_s_error(aws: Services, there: There) -> None:
    missing(aws)
    deployed(aws, {})
    result = typed(aws, there, "smoke", "--endpoint", PRODUCTION)
    assert (result.exit_code, "Could not find endpoint" in result.stderr) == (1, True)


def upto_delivery(aws: Services) -> None:
    """Have the account answer up to the delivery, in which nothing waits."""
    beginning(aws)
    training(aws, "Succeeded")
    packages(aws)
    deployed(aws)
    aws.answers("codepipeline", "get_pipeline_state", {"stageStates": []}, name="delivery")
    packages(aws, status="Approved")


def test_next_names_an_unconfirmed_address_of_the_other_account(aws: Services, there: There) -> None:
    upto_delivery(aws)
    belongs(there)
    waiting = [{"SubscriptionArn": "PendingConfirmation", "Endpoint": "ward@example.org"}]
    topic = f"arn:aws:sns:{REGION}:{THERE}:{PRODUCTION}"
    there.services.answers("sns", "list_subscriptions_by_topic", {"Subscriptions": waiting}, TopicArn=topic)
    result = typed(aws, there, "--production-profile", PROFILE, "next")
    assert result.output == "- Confirm the notifications to ward@example.org: the link is in an e-mail from AWS\n"


def test_next_says_what_it_could_not_look_at_and_goes_on(aws: Services, there: There) -> None:
    upto_delivery(aws)
    belongs(there, "111111111111")
    result = typed(aws, there, "next")
    assert result.exit_code == 0, result.output
    assert "Not checked whether its notifications are confirmed: stage production: is in account" in result.output
    assert "PRODUCTION_PROFILE=NAME" in result.output


def test_profiles_come_from_options_or_from_the_environment(aws: Services, there: There) -> None:
    upto_delivery(aws)
    belongs(there)
    there.services.answers("sns", "list_subscriptions_by_topic", {"Subscriptions": []})
    connect: Callable[[str, str], Any] = lambda profile, region: there.connect({"profile": profile}, region)  # noqa: E731
    account = Account(NAME, aws, lambda _: None, connect=connect)
    result = CliRunner().invoke(main, ["next"], obj=account, env={"PRODUCTION_PROFILE": PROFILE})
    assert result.exit_code == 0, result.output
    assert there.asked == [({"profile": PROFILE}, REGION)]


def test_whose_credentials_they_are_is_asked_of_sts(aws: Services) -> None:
    aws.answers("sts", "get_caller_identity", {"Account": THERE})
    assert caller_account_id(Account(NAME, aws)) == THERE


def test_a_one_account_deployment_asks_for_nothing_more(aws: Services) -> None:
    """The stubs of the other tests of `next` would refuse a call more; here it is that nothing is yielded."""
    deployed(aws, {})
    aws.answers("codepipeline", "get_pipeline_state", {"stageStates": []}, name="delivery")
    assert list(next_steps._delivery_steps(Account(NAME, aws))) == []
