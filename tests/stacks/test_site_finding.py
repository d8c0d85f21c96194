# SPDX-License-Identifier: MIT-0
"""What stays of cdk-nag's findings elsewhere: each once, with a reason. test_nag.py shows that it is exact."""

from stacks.acknowledgment import rows
from stacks.consistency import checked
from stacks.override import settings_from
from stacks.settings import Settings
from stacks.site_finding import site_findings
from tests.proof.sample import ACCOUNT, ACCOUNTS, PRODUCTION, REGION

HOME = {"build.account": ACCOUNT, "build.region": REGION}
FAR = HOME | {"production_environment.account": ACCOUNT, "production_environment.region": PRODUCTION[1]}


def found(context: dict[str, str]) -> list[tuple[str, str, str]]:
    """Return construct, finding and reason of each acknowledgment."""
    settings = checked(settings_from(context))
    return list(rows(site_findings(settings), settings.name))


def test_a_finding_is_acknowledged_once_and_with_a_reason() -> None:
    table = found(ACCOUNTS)
    assert len({(path, finding) for path, finding, _ in table}) == len(table) > 50
    assert [reason for _, _, reason in table if len(reason.split()) < 12] == []


def test_nothing_is_acknowledged_for_stages_at_home() -> None:
    assert site_findings(Settings()) == ()
    assert found(HOME) == []
    assert not [path for path, _, _ in found(FAR) if path.startswith("StagingSite/")]


def test_a_key_is_acknowledged_by_the_account_and_the_region_that_it_is_in() -> None:
    keys = {finding for path, finding, _ in found(FAR) if finding.endswith(":key/*]")}
    assert keys == {
        f"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:kms:{region}:{ACCOUNT}:key/*]"
        for region in (REGION, PRODUCTION[1])
    }
