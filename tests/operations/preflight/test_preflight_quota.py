# SPDX-License-Identifier: MIT-0
"""The quotas allow what the deployment needs: as they apply to the account, or else by AWS's defaults."""

import dataclasses

import pytest

from operations.preflight import quota_and_budget
from operations.preflight.preflight_check import PreflightFinding, PreflightVerdict
from operations.preflight.preflight_requirements import BuildRequirement, InstanceRequirement
from tests.operations.preflight.sample import SERVE, TRAIN, look, only, quotas
from tests.operations.service import Services

TRAINING = "ml.g4dn.xlarge for training job usage"
SERVING = "ml.c5.large for endpoint usage"
APPLIED, DEFAULT = "list_service_quotas", "list_aws_default_service_quotas"


def test_a_quota_that_is_enough_is_well(aws: Services) -> None:
    quotas(aws, APPLIED, {"ml.g5.xlarge for training job usage": 0.0, TRAINING: 1.0})
    finding = only(quota_and_budget.check_quotas(look(aws)))
    assert (finding.verdict, finding.sentence) == (PreflightVerdict.OK, f"{TRAINING}: 1, needs 1 (Train)")


def test_a_quota_of_none_is_to_be_raised_by_a_command_that_is_given(aws: Services) -> None:
    quotas(aws, APPLIED, {TRAINING: 0.0})
    finding = only(quota_and_budget.check_quotas(look(aws)))
    assert (finding.verdict, finding.sentence) == (PreflightVerdict.FAILED, f"{TRAINING}: 0, needs 1 (Train)")
    assert finding.remedy == (
        "aws service-quotas request-service-quota-increase --region us-east-1 --service-code sagemaker --quota-code "
        "L-mlg4dn --desired-value 1 (AWS may take days); or choose another type (training.train_instance)"
    )


def test_one_that_cannot_be_raised_leaves_another_type(aws: Services) -> None:
    quotas(aws, APPLIED, {TRAINING: 0.0}, Adjustable=False)
    finding = only(quota_and_budget.check_quotas(look(aws)))
    assert finding.remedy == "It is not adjustable: choose another type (training.train_instance)."


@pytest.mark.parametrize(
    ("value", "verdict", "wanted"),
    [
        (4.0, PreflightVerdict.FAILED, "--desired-value 5 "),
        (5.0, PreflightVerdict.WARNING, "--desired-value 9 "),
        (9.0, PreflightVerdict.OK, ""),
    ],
)
def test_endpoints_need_room_for_a_takeover_and_want_it_for_autoscaling(
    aws: Services, value: float, verdict: PreflightVerdict, wanted: str
) -> None:
    quotas(aws, APPLIED, {SERVING: value})
    finding = only(quota_and_budget.check_quotas(look(aws, instances=(SERVE,))))
    assert finding.verdict is verdict
    assert wanted in finding.remedy
    assert ("autoscaling may use 9" in finding.sentence) is (verdict is PreflightVerdict.WARNING)


def test_the_pages_are_read_until_all_is_found_and_no_further(aws: Services) -> None:
    """A page that nobody asked for would stay with the fixture, which refuses that."""
    quotas(aws, APPLIED, {"other": 1.0}, {TRAINING: 2.0})
    assert only(quota_and_budget.check_quotas(look(aws))).verdict is PreflightVerdict.OK
    first = {"Quotas": [{"QuotaName": TRAINING, "QuotaCode": "L-1", "Value": 2.0}], "NextToken": "more"}
    aws.answers("service-quotas", APPLIED, first)
    assert only(quota_and_budget.check_quotas(look(aws))).verdict is PreflightVerdict.OK


def test_what_has_no_value_of_the_account_s_own_has_the_default(aws: Services) -> None:
    quotas(aws, APPLIED, {TRAINING: 4.0})
    quotas(aws, DEFAULT, {TRAINING: 0.0, "other": 0.0}, {SERVING: 20.0})
    training, serving = quota_and_budget.check_quotas(look(aws, instances=(TRAIN, SERVE)))
    assert training.sentence.startswith(f"{TRAINING}: 4,")
    assert serving.sentence.startswith(f"{SERVING}: 20,")


def test_a_quota_that_could_not_be_read_has_the_default_too(aws: Services) -> None:
    unread = {"QuotaName": TRAINING, "QuotaCode": "L-1", "ErrorReason": {"ErrorCode": "DEPENDENCY_THROTTLING_ERROR"}}
    aws.answers("service-quotas", APPLIED, {"Quotas": [unread]})
    quotas(aws, DEFAULT, {TRAINING: 0.0})
    assert only(quota_and_budget.check_quotas(look(aws))).verdict is PreflightVerdict.FAILED


def test_a_type_that_no_list_knows_may_not_be_in_the_region(aws: Services) -> None:
    quotas(aws, APPLIED, {})
    quotas(aws, DEFAULT, {"other": 1.0})
    finding = only(quota_and_budget.check_quotas(look(aws)))
    assert finding.verdict is PreflightVerdict.WARNING
    assert finding.sentence == f"Service Quotas has no {TRAINING!r} in us-east-1: the type may not be available there"
    assert "https://us-east-1.console.aws.amazon.com/servicequotas/home/services/sagemaker/quotas" in finding.remedy
    assert "training.train_instance" in finding.remedy


@pytest.mark.parametrize(
    ("usage", "name"),
    [
        ("processing job", "Number of instances across all processing jobs"),
        ("training job", "Number of instances across all training jobs"),
        ("transform job", "Number of instances across all transform jobs"),
        ("endpoint", "Number of instances across active endpoints"),
    ],
)
def test_the_quota_of_all_types_together_counts_as_well(aws: Services, usage: str, name: str) -> None:
    quotas(aws, APPLIED, {name: 3.0})
    finding = only(
        quota_and_budget.check_quotas(look(aws, instances=(dataclasses.replace(SERVE, usage=usage, type=""),)))
    )
    assert (finding.verdict, finding.sentence) == (PreflightVerdict.FAILED, f"{name}: 3, needs 5 (staging, production)")
    assert finding.remedy.endswith("; or let fewer run at a time")


def test_where_no_quota_of_all_types_together_is_known_nothing_is_missed(aws: Services) -> None:
    quotas(aws, APPLIED, {})
    quotas(aws, DEFAULT, {"other": 1.0})
    together = InstanceRequirement("training job", "", 1, 1, "Train", "training.train_instance")
    assert list(quota_and_budget.check_quotas(look(aws, instances=(together,)))) == []


def test_spot_capacity_is_counted_by_a_quota_of_its_own(aws: Services) -> None:
    spot = dataclasses.replace(TRAIN, usage="spot training job")
    quotas(aws, APPLIED, {TRAINING: 8.0, "ml.g4dn.xlarge for spot training job usage": 0.0})
    finding = only(quota_and_budget.check_quotas(look(aws, instances=(spot,))))
    assert (finding.verdict, finding.sentence) == (
        PreflightVerdict.FAILED,
        "ml.g4dn.xlarge for spot training job usage: 0, needs 1 (Train)",
    )


BUILDS = BuildRequirement("Concurrently running builds for Linux/Medium environment", 1, 1, "source.repository")


def built(aws: Services, value: float | None, builds: BuildRequirement = BUILDS) -> PreflightFinding:
    """The finding of builds, where the quota is `value`, or listed nowhere."""
    quotas(aws, APPLIED, {} if value is None else {builds.quota: value}, service="codebuild")
    if value is None:
        quotas(aws, DEFAULT, {}, service="codebuild")
    return only(quota_and_budget.check_quotas(look(aws, instances=(), builds=builds)))


def test_a_new_account_that_may_build_nothing_is_told_before_the_first_push(aws: Services) -> None:
    finding = built(aws, 0.0)
    assert finding.verdict is PreflightVerdict.FAILED
    assert finding.sentence == f"{BUILDS.quota}: 0, a push needs 1: its build is refused"
    assert "--service-code codebuild --quota-code L-" in finding.remedy
    assert "--desired-value 1 " in finding.remedy
    assert "source.repository" in finding.remedy


def test_one_build_at_a_time_is_enough_for_pushes_and_lets_reviews_wait(aws: Services) -> None:
    assert built(aws, 1.0).verdict is PreflightVerdict.OK
    finding = built(aws, 1.0, dataclasses.replace(BUILDS, most=2))
    assert (finding.verdict, "a review of a pull request waits" in finding.sentence) == (PreflightVerdict.WARNING, True)


def test_builds_that_no_list_counts_are_told(aws: Services) -> None:
    finding = built(aws, None)
    assert (finding.verdict, "servicequotas/home/services/codebuild/quotas" in finding.remedy) == (
        PreflightVerdict.WARNING,
        True,
    )
