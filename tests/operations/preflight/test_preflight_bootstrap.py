# SPDX-License-Identifier: MIT-0
"""The bootstrap is there, new enough, and its bucket is ours; names that templates give are free or ours."""

import pytest

from operations.preflight import account_checks
from operations.preflight.preflight_check import PreflightFinding, PreflightVerdict
from tests.operations.preflight.sample import ACCOUNT, BUCKET, PARAMETER, bootstrapped, look, only, ours
from tests.operations.service import Services, refusal

NAMES = {"buckets": ("data-${AWS::AccountId}-${AWS::Region}",)}
NAME = f"data-{ACCOUNT}-us-east-1"


def not_bootstrapped(aws: Services) -> None:
    aws.refuses("ssm", "get_parameter", "ParameterNotFound")


def answers(aws: Services, code: str) -> None:
    """Have S3 answer a HEAD request, which has no body, with a status alone."""
    aws.stub("s3").add_client_error("head_bucket", code, "", int(code))


def listed(aws: Services, *names: str, prefix: str = BUCKET) -> None:
    """Have our buckets listed whose names begin so."""
    aws.answers("s3", "list_buckets", {"Buckets": [{"Name": name} for name in names]}, Prefix=prefix)


def second(aws: Services) -> PreflightFinding:
    """What is found of the bucket, after what is found of the version."""
    _, finding = account_checks.check_bootstrap(look(aws))
    return only([finding])


def test_a_bootstrap_that_is_new_enough_with_its_bucket_is_well(aws: Services) -> None:
    bootstrapped(aws, "6")
    ours(aws)
    found = list(account_checks.check_bootstrap(look(aws)))
    assert [each.verdict for each in found] == [PreflightVerdict.OK, PreflightVerdict.OK]
    assert [each.sentence for each in found] == ["version 6; the templates need 6", f"its bucket {BUCKET} is ours"]


def test_without_a_bootstrap_the_remedy_is_to_make_it(aws: Services) -> None:
    not_bootstrapped(aws)
    answers(aws, "404")
    finding = only(account_checks.check_bootstrap(look(aws)))
    assert (finding.verdict, finding.remedy) == (PreflightVerdict.FAILED, "make bootstrap, as an administrator")
    assert finding.sentence == f"the CDK has not been bootstrapped in account {ACCOUNT} in us-east-1"


@pytest.mark.parametrize("version", ["5", "none"])
def test_one_that_is_too_old_is_made_again(aws: Services, version: str) -> None:
    bootstrapped(aws, version)
    ours(aws)
    finding, _ = account_checks.check_bootstrap(look(aws))
    assert (finding.verdict, finding.remedy) == (PreflightVerdict.FAILED, "make bootstrap, as an administrator")
    assert f"has version {version}; the templates need 6 or later" in finding.sentence


def test_a_bootstrap_whose_bucket_is_gone_is_to_be_deleted_and_made_again(aws: Services) -> None:
    bootstrapped(aws)
    answers(aws, "404")
    finding = second(aws)
    assert (finding.verdict, finding.sentence) == (
        PreflightVerdict.FAILED,
        f"the bucket of the bootstrap, {BUCKET}, does not exist",
    )
    assert finding.remedy.startswith("Delete the stack CDKToolkit (aws cloudformation delete-stack ")


def test_a_bucket_that_an_earlier_bootstrap_left_is_in_the_way(aws: Services) -> None:
    not_bootstrapped(aws)
    ours(aws)
    finding = second(aws)
    assert finding.verdict is PreflightVerdict.FAILED
    assert "an earlier bootstrap has left its bucket" in finding.sentence
    assert f"aws s3 rb s3://{BUCKET} --force; then make bootstrap" in finding.remedy


@pytest.mark.parametrize("code", ["403", "301"])
def test_a_bucket_of_another_account_is_nowhere_to_send_assets(aws: Services, code: str) -> None:
    bootstrapped(aws)
    answers(aws, code)
    listed(aws, f"{BUCKET}-2")
    finding = second(aws)
    assert finding.verdict is PreflightVerdict.FAILED
    assert f"another account owns the bucket of the bootstrap, {BUCKET}" in finding.sentence
    assert finding.remedy.startswith("Do not deploy here")


def test_one_of_ours_that_may_not_be_listed_is_found_among_ours(aws: Services) -> None:
    bootstrapped(aws)
    answers(aws, "403")
    listed(aws, BUCKET)
    assert second(aws).verdict is PreflightVerdict.OK


def test_where_neither_can_be_asked_the_refusal_goes_on_to_the_runner(aws: Services) -> None:
    bootstrapped(aws)
    answers(aws, "403")
    aws.refuses("s3", "list_buckets", "AccessDenied")
    found = account_checks.check_bootstrap(look(aws))
    assert next(found).verdict is PreflightVerdict.OK
    with pytest.raises(type(refusal("ListBuckets", "AccessDenied")), match="ListBuckets"):
        next(found)


def test_the_parameter_is_that_of_the_demand(aws: Services) -> None:
    aws.stub("ssm").add_client_error(
        "get_parameter", "ParameterNotFound", expected_params={"Name": PARAMETER}, http_status_code=400
    )
    assert next(iter(account_checks.check_bootstrap(look(aws)))).verdict is PreflightVerdict.FAILED


def test_names_that_cloudformation_makes_up_cannot_be_taken(aws: Services) -> None:
    finding = only(account_checks.check_bucket_names(look(aws)))
    assert finding.verdict is PreflightVerdict.OK
    assert finding.sentence.startswith("CloudFormation generates the names of all buckets")


def test_a_name_of_a_template_is_free_or_ours(aws: Services) -> None:
    answers(aws, "404")
    assert only(account_checks.check_bucket_names(look(aws, **NAMES))).sentence == f"{NAME} is free"
    ours(aws, NAME)
    assert only(account_checks.check_bucket_names(look(aws, **NAMES))).sentence == f"{NAME} is ours"


def test_a_name_of_a_template_that_others_hold_is_to_be_changed(aws: Services) -> None:
    answers(aws, "403")
    listed(aws, prefix=NAME)
    finding = only(account_checks.check_bucket_names(look(aws, **NAMES)))
    assert (finding.verdict, finding.sentence) == (PreflightVerdict.FAILED, f"{NAME} is taken")
    assert "change the setting `name`" in finding.remedy
