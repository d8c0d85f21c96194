# SPDX-License-Identifier: MIT-0
"""What stays of cdk-nag's findings elsewhere: each once, with a reason. test_nag.py shows that it is exact."""

from stacks.nag.nag_suppressions import suppression_rows
from stacks.nag.remote_stage_suppressions import suppressions_of_remote_stages
from stacks.settings.deployment_settings import Settings
from stacks.settings.settings_context import settings_from_context
from stacks.settings.settings_validation import validate_settings
from tests.proof.sample import ACCOUNT, ACCOUNTS, PRODUCTION, REGION

HOME = {"build.account": ACCOUNT, "build.region": REGION}
FAR = HOME | {"production_environment.account": ACCOUNT, "production_environment.region": PRODUCTION[1]}


def found(context: dict[str, str]) -> list[tuple[str, str, str]]:
    """Return construct, finding and reason of each acknowledgment."""
    settings = validate_settings(settings_from_context(context))
    return list(suppression_rows(suppressions_of_remote_stages(settings), settings.name))


def test_a_finding_is_acknowledged_once_and_with_a_reason() -> None:
    table = found(ACCOUNTS)
    assert len({(path, finding) for path, finding, _ in table}) == len(table) > 50
    assert [reason for _, _, reason in table if len(reason.split()) < 12] == []


def test_nothing_is_acknowledged_for_stages_at_home() -> None:
    assert suppressions_of_remote_stages(Settings()) == ()
    assert found(HOME) == []
    assert not [path for path, _, _ in found(FAR) if path.startswith("StagingSite/")]


def test_a_key_is_acknowledged_by_the_account_and_the_region_that_it_is_in() -> None:
    keys = {finding for path, finding, _ in found(FAR) if finding.endswith(":key/*]")}
    assert keys == {
        f"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:kms:{region}:{ACCOUNT}:key/*]"
        for region in (REGION, PRODUCTION[1])
    }
