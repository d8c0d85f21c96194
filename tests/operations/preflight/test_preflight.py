# SPDX-License-Identifier: MIT-0
"""Every check looks, whatever befalls the others, with the permissions that it names; the exit code sums it up."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from botocore.exceptions import EndpointConnectionError

from operations.preflight import preflight_run
from operations.preflight.preflight_check import PreflightCheck, PreflightFinding, PreflightVerdict
from operations.preflight.preflight_run import ACCOUNT_CHECKS
from tests.operations.preflight import sample
from tests.operations.preflight.sample import (
    BUCKET,
    CALLER,
    DEMAND,
    READY,
    bootstrapped,
    demanding,
    look,
    only,
    ours,
    told,
)
from tests.operations.service import Services, refusal
from tests.operations.shell import account, has_stack

TRAINING: Final = "ml.g4dn.xlarge for training job usage"
# What IAM calls otherwise than the API.
ACTIONS: Final = {"HeadBucket": "ListBucket", "ListBuckets": "ListAllMyBuckets"}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment with a builder that answers."""
    return sample.builder(tmp_path, READY)


def well(aws: Services, training: float = 1.0) -> None:
    """Have the account answer that all is well, unless the quota is too small."""
    aws.answers("sts", "get_caller_identity", CALLER)
    bootstrapped(aws)
    ours(aws)
    sample.quotas(aws, "list_service_quotas", {TRAINING: training})


def test_where_all_is_well_the_next_thing_is_to_deploy(aws: Services, environment: dict[str, str]) -> None:
    well(aws)
    outcome = preflight_run.run_preflight(account(aws), DEMAND, environment)
    assert {finding.verdict for finding in outcome.findings} == {PreflightVerdict.OK}
    assert outcome.exit_code == 0
    assert told(outcome).endswith("11 ok.\nNext: make deploy\n")


def test_a_check_that_failed_is_exit_code_1_and_to_be_fixed(aws: Services, environment: dict[str, str]) -> None:
    well(aws, training=0.0)
    outcome = preflight_run.run_preflight(account(aws), DEMAND, environment)
    assert outcome.exit_code == 1
    assert told(outcome).endswith("10 ok, 1 failed.\nNext: fix the problems and rerun: make preflight\n")


def test_a_warning_is_exit_code_0(aws: Services, environment: dict[str, str]) -> None:
    well(aws)
    outcome = preflight_run.run_preflight(account(aws), demanding(budget=0), environment)
    assert (outcome.exit_code, outcome.found["budget"][0].verdict) == (0, PreflightVerdict.WARNING)


def test_without_any_permission_every_check_says_which_it_wants_and_the_others_go_on(
    aws: Services, environment: dict[str, str]
) -> None:
    aws.answers("sts", "get_caller_identity", CALLER)
    aws.refuses("ssm", "get_parameter", "AccessDeniedException")
    aws.refuses("codeconnections", "get_connection", "AccessDeniedException")
    aws.refuses("service-quotas", "list_service_quotas", "AccessDeniedException")
    aws.stub("s3").add_client_error("head_bucket", "403", "Forbidden", 403)
    aws.refuses("s3", "list_buckets", "AccessDenied")
    given = demanding(connection=sample.ConnectionRequirement(used=True, arn=sample.CONNECTION), buckets=("name",))
    outcome = preflight_run.run_preflight(account(aws), given, environment)
    for check in ACCOUNT_CHECKS:
        finding = only(outcome.found[check.name])
        assert finding.verdict is PreflightVerdict.UNKNOWN
        assert finding.remedy.startswith(f"Have {', '.join(check.permissions)} allowed, or use other credentials")
    assert outcome.found["quota"][0].sentence == "these credentials may not ListServiceQuotas"
    assert outcome.exit_code == 0


def test_what_a_check_found_before_it_was_refused_is_kept(aws: Services, environment: dict[str, str]) -> None:
    aws.answers("sts", "get_caller_identity", CALLER)
    bootstrapped(aws, "5")
    aws.stub("s3").add_client_error("head_bucket", "403", "Forbidden", 403)
    aws.refuses("s3", "list_buckets", "AccessDenied")
    sample.quotas(aws, "list_service_quotas", {TRAINING: 1.0})
    outcome = preflight_run.run_preflight(account(aws), DEMAND, environment)
    verdicts = [finding.verdict for finding in outcome.found["bootstrap"]]
    assert (verdicts, outcome.exit_code) == ([PreflightVerdict.FAILED, PreflightVerdict.UNKNOWN], 1)


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (refusal("ListServiceQuotas", "TooManyRequestsException"), "ListServiceQuotas: TooManyRequestsException: No."),
        (EndpointConnectionError(endpoint_url="https://x"), "Check the network and the region"),
    ],
)
def test_whatever_else_aws_answers_is_told_and_no_failure(aws: Services, error: Exception, remedy: str) -> None:
    def breaks(_look: object) -> list[PreflightFinding]:
        raise error

    finding = only(preflight_run.run_check(PreflightCheck("x", (), breaks), look(aws)))
    assert (finding.verdict, finding.sentence) == (PreflightVerdict.UNKNOWN, "AWS returned an unexpected error")
    assert remedy in finding.remedy


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({"region": "eu-west-1"}, ("region", "algorithm", "resource types")),
        ({"account": "2" * 12}, ("region", "algorithm", "resource types", "credentials")),
    ],
    ids=["region", "account"],
)
def test_another_account_or_region_than_that_of_the_settings_is_not_looked_at(
    aws: Services, environment: dict[str, str], changes: dict[str, str], asked: tuple[str, ...]
) -> None:
    if "account" in changes:
        aws.answers("sts", "get_caller_identity", CALLER)
    outcome = preflight_run.run_preflight(account(aws), demanding(**changes), environment)
    assert outcome.exit_code == 1
    assert tuple(outcome.found) == ("builder", "budget", *asked)
    assert {check.name for check in ACCOUNT_CHECKS} <= set(outcome.unchecked)


@pytest.fixture
def asked(aws: Services) -> Iterator[list[str]]:
    """What is asked of the services, as IAM calls it."""
    found: list[str] = []

    def note(model: Any, **_: Any) -> None:
        found.append(f"{model.service_model.signing_name}:{ACTIONS.get(model.name, model.name)}")

    clients = [aws(name) for name in ("cloudformation", "codeconnections", "s3", "service-quotas", "ssm")]
    for client in clients:
        client.meta.events.register("before-parameter-build", note, unique_id="asked")
    yield found
    for client in clients:
        client.meta.events.unregister("before-parameter-build", unique_id="asked")


def test_the_permissions_that_a_check_names_are_those_that_it_may_need_and_none_changes_anything(
    aws: Services, asked: list[str]
) -> None:
    bootstrapped(aws)
    for name in (BUCKET, "name"):
        aws.stub("s3").add_client_error("head_bucket", "403", "Forbidden", 403)
        aws.answers("s3", "list_buckets", {"Buckets": [{"Name": name}]}, Prefix=name)
    has_stack(aws, "retraining")
    aws.answers("codeconnections", "get_connection", {"Connection": {"ConnectionStatus": "AVAILABLE"}})
    for operation in ("list_service_quotas", "list_aws_default_service_quotas"):
        sample.quotas(aws, operation, {"other": 1.0})
    for check in ACCOUNT_CHECKS:
        asked.clear()
        list(check.findings(look(aws, connection=sample.ConnectionRequirement(used=True, arn=""), buckets=("name",))))
        assert set(asked) == set(check.permissions), check.name
        assert all(name.partition(":")[2].startswith(("Get", "List", "Describe")) for name in asked)
