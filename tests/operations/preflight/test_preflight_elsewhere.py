# SPDX-License-Identifier: MIT-0
"""Each other account and region is looked into by the credentials that lead there; without them that is said."""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ProfileNotFound

from operations.account.deployment_account import Account, DeliveryStage, account_of_environment
from operations.preflight import account_checks, preflight_run
from operations.preflight.preflight_check import CheckContext, PreflightFinding, PreflightVerdict
from operations.preflight.preflight_requirements import (
    DeploymentRequirements,
    RemoteRequirements,
    parse_requirements,
    planned_remote_stages,
)
from tests.operations import elsewhere
from tests.operations.abroad import PROFILE, REGION, THERE
from tests.operations.elsewhere import BUCKET, There
from tests.operations.preflight import sample
from tests.operations.preflight.sample import ACCOUNT, CALLER, READY, SERVE, demanding, told
from tests.operations.service import Services
from tests.operations.state import MONDAY

SITE = RemoteRequirements(THERE, REGION, ("production",), (BUCKET,), (SERVE,))
RELAY = RemoteRequirements(ACCOUNT, REGION, (), ("skin-lesion-artifacts",), ())
APART = demanding(account=ACCOUNT, region="us-east-1", elsewhere=(SITE,))
ASSETS = f"cdk-hnb659fds-assets-{THERE}-{REGION}"
POLICIES = {"CloudFormationExecutionPolicies": "arn:aws:iam::aws:policy/AdministratorAccess"}


@pytest.fixture
def there() -> Iterator[There]:
    yield from elsewhere.there()


def account(aws: Services, there: There, **profiles: str) -> Account:
    """The build's account, from which a profile leads to the other."""
    return Account(
        "skin-lesion", aws, profiles=profiles, connect=lambda profile, region: there.connect({"is": profile}, region)
    )


def belongs(there: There, number: str = THERE) -> None:
    there.services.answers("sts", "get_caller_identity", {"Account": number})


def trusts(there: There, **parameters: str) -> None:
    """Have the stack of the bootstrap described."""
    shown = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    known = {"StackName": "CDKToolkit", "CreationTime": MONDAY, "StackStatus": "UPDATE_COMPLETE", "Parameters": shown}
    there.services.answers("cloudformation", "describe_stacks", {"Stacks": [known]}, StackName="CDKToolkit")


def held(there: There, name: str, number: str = THERE) -> None:
    there.services.answers("s3", "head_bucket", {}, Bucket=name, ExpectedBucketOwner=number)


def free(there: There) -> None:
    there.services.stub("s3").add_client_error("head_bucket", "404", "Not Found", 404)


def verdicts(found: dict[str, list[PreflightFinding]]) -> dict[str, list[PreflightVerdict]]:
    return {name: [each.verdict for each in findings] for name, findings in found.items()}


def test_bootstrap_trust_quota_names_and_algorithm_are_looked_at_where_the_stage_is(
    aws: Services, there: There
) -> None:
    belongs(there)
    sample.bootstrapped(there.services)
    held(there, ASSETS)
    trusts(there, TrustedAccounts=f"333333333333,{ACCOUNT}", **POLICIES)
    sample.quotas(there.services, "list_service_quotas", {"ml.c5.large for endpoint usage": 2.0})
    free(there)
    checked = preflight_run._check_remote(account(aws, there, production=PROFILE), APART, SITE)
    found, unchecked = checked.found, checked.unchecked
    assert verdicts(found) == {
        "algorithm (production)": [PreflightVerdict.OK],
        "resource types (production)": [PreflightVerdict.OK],
        "credentials (production)": [PreflightVerdict.OK],
        "bootstrap (production)": [PreflightVerdict.OK, PreflightVerdict.OK],
        "trust (production)": [PreflightVerdict.OK],
        "quota (production)": [PreflightVerdict.FAILED],
        "bucket names (production)": [PreflightVerdict.OK],
    }
    assert f"--region {REGION}" in found["quota (production)"][0].remedy
    assert found["bucket names (production)"][0].sentence == f"{BUCKET} is free"
    assert (list(unchecked), there.asked) == ([], [({"is": PROFILE}, REGION)])


def test_without_a_profile_the_finding_says_what_was_not_looked_at_and_the_rest_is_found(
    aws: Services, there: There, tmp_path: Path
) -> None:
    aws.answers("sts", "get_caller_identity", CALLER)
    sample.bootstrapped(aws)
    sample.ours(aws)
    sample.quotas(aws, "list_service_quotas", {"ml.g4dn.xlarge for training job usage": 1.0})
    belongs(there, ACCOUNT)
    outcome = preflight_run.run_preflight(account(aws, there), APART, sample.builder(tmp_path, READY))
    text = told(outcome)
    assert f"not checked  credentials (production): no credentials for account {THERE}, {REGION} -> " in text
    assert "PRODUCTION_PROFILE=NAME" in text
    assert (
        "Not checked: bootstrap (production), trust (production), quota (production), bucket names (production).\n"
    ) in text
    assert outcome.exit_code == 2
    assert outcome.found["quota"][0].verdict is PreflightVerdict.OK


def test_a_profile_that_is_not_known_is_told_likewise(aws: Services) -> None:
    def connect(profile: str, _region: str) -> Any:
        raise ProfileNotFound(profile=profile)

    lost = Account("skin-lesion", aws, profiles={"production": "lost"}, connect=connect)
    checked = preflight_run._check_remote(lost, APART, SITE)
    found, unchecked = checked.found, checked.unchecked
    finding = found["credentials (production)"][0]
    assert (finding.verdict, len(unchecked)) == (PreflightVerdict.UNKNOWN, 4)
    assert "config profile (lost) could not be found" in finding.remedy


def test_a_region_in_which_deliveries_only_pass_by_needs_neither_trust_nor_quota(aws: Services, there: There) -> None:
    belongs(there, ACCOUNT)
    sample.bootstrapped(there.services)
    held(there, f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}", ACCOUNT)
    held(there, "skin-lesion-artifacts", ACCOUNT)
    found = preflight_run._check_remote(account(aws, there), APART, RELAY).found
    label = f"(deliveries to {REGION})"
    assert list(found) == [f"credentials {label}", f"bootstrap {label}", f"bucket names {label}"]


def test_a_region_without_the_algorithm_fails_without_any_credentials(aws: Services, there: There) -> None:
    belongs(there, ACCOUNT)
    bare = RemoteRequirements(THERE, "mx-central-1", ("staging",), (), ())
    found = preflight_run._check_remote(account(aws, there), APART, bare).found
    assert found["algorithm (staging)"][0].verdict is PreflightVerdict.FAILED


@pytest.mark.parametrize(
    ("parameters", "verdict", "said"),
    [
        ({"TrustedAccounts": ACCOUNT, **POLICIES}, PreflightVerdict.OK, f"account {THERE} trusts {ACCOUNT}"),
        ({"TrustedAccounts": "", **POLICIES}, PreflightVerdict.FAILED, f"does not trust {ACCOUNT}"),
        ({"TrustedAccounts": "333333333333", **POLICIES}, PreflightVerdict.FAILED, f"does not trust {ACCOUNT}"),
        ({"TrustedAccounts": ACCOUNT}, PreflightVerdict.FAILED, "gives CloudFormation no policy"),
    ],
)
def test_a_bootstrap_that_does_not_let_the_build_deploy_fails(
    aws: Services, there: There, parameters: dict[str, str], verdict: PreflightVerdict, said: str
) -> None:
    trusts(there, **parameters)
    finding = sample.only(
        account_checks.check_trust(CheckContext(Account("skin-lesion", there.services), APART, THERE))
    )
    assert (finding.verdict, said in finding.sentence) == (verdict, True)
    assert aws.stubs == {}


def test_the_bootstrap_s_stack_is_that_which_cdk_json_names(there: There) -> None:
    named = replace(APART, bootstrap=replace(APART.bootstrap, stack="Ours"))
    known = {"StackName": "Ours", "CreationTime": MONDAY, "StackStatus": "UPDATE_COMPLETE", "Parameters": []}
    there.services.answers("cloudformation", "describe_stacks", {"Stacks": [known]}, StackName="Ours")
    finding = sample.only(
        account_checks.check_trust(CheckContext(Account("skin-lesion", there.services), named, THERE))
    )
    assert finding.verdict is PreflightVerdict.FAILED


def test_a_bootstrap_under_another_name_is_left_to_the_reader(there: There) -> None:
    message = "Stack with id CDKToolkit does not exist"
    there.services.refuses("cloudformation", "describe_stacks", "ValidationError", message)
    finding = sample.only(
        account_checks.check_trust(CheckContext(Account("skin-lesion", there.services), APART, THERE))
    )
    assert finding.verdict is PreflightVerdict.UNKNOWN


def test_an_unknown_profile_of_our_own_ends_no_check_of_this_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mistyped")
    outcome = preflight_run.run_preflight(
        account_of_environment("skin-lesion", "us-east-1"), sample.DEMAND, sample.builder(tmp_path, READY)
    )
    assert outcome.found["builder"][0].verdict is PreflightVerdict.OK
    assert outcome.found["budget"][0].verdict is PreflightVerdict.OK
    assert "config profile (mistyped) could not be found" in outcome.found["region"][0].remedy
    assert (outcome.exit_code, "bootstrap" in outcome.unchecked) == (2, True)


def test_the_document_of_the_settings_says_what_is_elsewhere() -> None:
    demand: DeploymentRequirements = demanding(elsewhere=(SITE, RELAY))
    read = parse_requirements(json.dumps(asdict(demand)))
    assert [each.account for each in read.elsewhere] == [THERE, ACCOUNT]
    assert read.elsewhere[0].instances == [SERVE]
    name = "skin-lesion-production"
    assert planned_remote_stages(read, "skin-lesion") == [DeliveryStage(name, name, "Production", THERE, REGION)]
