# SPDX-License-Identifier: MIT-0
"""A function crosses into another account by one role, and what is closed names both sides."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from operations.functions import remote_stage_access
from operations.functions.errors import RemoteAccessError, UsageError
from tests.operations import elsewhere
from tests.operations.elsewhere import CREDENTIALS, DENIED, REGION, ROLE, There
from tests.operations.service import Services, client, refusal


@pytest.fixture
def there() -> Iterator[There]:
    yield from elsewhere.there()


def test_without_a_role_our_own_clients_are_used_and_nobody_is_asked(aws: Services, there: There) -> None:
    assert remote_stage_access.remote_stage_clients("", "", "smoke", aws, there.connect) is aws
    assert there.asked == []


def test_with_a_role_the_clients_are_those_of_its_credentials_and_region(aws: Services, there: There) -> None:
    elsewhere.admits(aws, "smoke")
    remote_stage_access.remote_stage_clients(ROLE, REGION, "smoke", aws, there.connect)
    (credentials, region), *others = there.asked
    assert ({key: credentials[key] for key in CREDENTIALS}, region, others) == (CREDENTIALS, REGION, [])


def test_a_role_without_a_region_is_refused_before_anybody_is_asked(aws: Services, there: There) -> None:
    with pytest.raises(UsageError, match="has no region"):
        remote_stage_access.remote_stage_clients(ROLE, "", "smoke", aws, there.connect)


def test_a_role_that_does_not_let_us_in_names_both_sides(aws: Services, there: There) -> None:
    aws.refuses("sts", "assume_role", DENIED, "User is not authorized to perform: sts:AssumeRole.")
    with pytest.raises(RemoteAccessError) as caught:
        remote_stage_access.remote_stage_clients(ROLE, REGION, "smoke", aws, there.connect)
    told = str(caught.value)
    assert told.startswith(f"{ROLE}: AssumeRole: AccessDenied: User is not authorized to perform: sts:AssumeRole. ")
    for part in (
        "There: is the stack that ends in -site deployed",
        "In the build account: does the deployment stack",
        "make deploy",
    ):
        assert part in told


def test_what_is_refused_for_another_reason_is_the_service_s_error() -> None:
    with pytest.raises(ClientError), remote_stage_access.explain_denied_access(ROLE):
        raise refusal("InvokeEndpoint", "ThrottlingException")


def test_what_is_denied_in_our_own_account_is_no_crossing() -> None:
    with pytest.raises(ClientError), remote_stage_access.explain_denied_access(""):
        raise refusal("InvokeEndpoint", DENIED)


def test_the_other_side_s_clients_are_of_its_region_and_as_patient_as_ours() -> None:
    made = remote_stage_access.connect_with_role(CREDENTIALS, REGION)("sagemaker")
    ours = client("sagemaker")
    assert made.meta.region_name == REGION
    assert made.meta.config.read_timeout < ours.meta.config.read_timeout
    assert made._request_signer._credentials.token == "token"
