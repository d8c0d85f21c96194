# SPDX-License-Identifier: MIT-0
"""Who keeps both stages at home notices nothing of the other way; who sends one away keeps the other as it was."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.assembly import Assembled, templates_in
from tests.proof.intrinsic import resources
from tests.proof.process import contents
from tests.proof.sample import ACCOUNT, PRODUCTION, REGION

BUILD = {"build.account": ACCOUNT, "build.region": REGION}
SAME = {
    f"{stage}_environment.{part}": BUILD[f"build.{part}"]
    for stage in ("staging", "production")
    for part in ("account", "region")
}


@pytest.fixture(scope="module")
def plain(assembled: Assembled) -> Path:
    """The assembly of one account that the settings name."""
    return assembled(BUILD)


@pytest.fixture(scope="module")
def far(assembled: Assembled) -> dict[str, dict[str, Any]]:
    """Staging at home, and production in another region of the same account."""
    context = BUILD | {"production_environment.account": ACCOUNT, "production_environment.region": PRODUCTION[1]}
    return templates_in(assembled(context))


def test_a_stage_that_is_sent_home_is_as_one_that_is_sent_nowhere(plain: Path, assembled: Assembled) -> None:
    assert contents(assembled(BUILD | SAME)) == contents(plain)


def test_at_home_nothing_has_a_name_for_others_to_know(documents: dict[str, Any]) -> None:
    kinds = {"AWS::IAM::Role": "RoleName", "AWS::S3::Bucket": "BucketName", "AWS::SNS::Topic": "TopicName"}
    assert [each.place for each in resources(documents) if each.properties.get(kinds.get(each.kind, ""))] == []
    assert [each.place for each in resources(documents) if each.kind == "AWS::KMS::Alias"] == []


def test_no_account_is_let_in_at_home(documents: dict[str, Any]) -> None:
    assert "aws:PrincipalArn" not in json.dumps(documents)


def test_the_endpoint_at_home_is_deployed_as_ever(plain: Path, far: dict[str, dict[str, Any]]) -> None:
    """Its template is the same, and so is the role that deploys it; only the bucket of captures is another."""
    home = templates_in(plain)
    name = next(name for name in home if name.startswith("EndpointsStaging"))
    assert far[name]["Resources"] == home[name]["Resources"]
    roles = [
        {key: each for key, each in document["Deployment"]["Resources"].items() if key.startswith("StagingDeployer")}
        for document in (home, far)
    ]
    assert roles[0] == roles[1] != {}


def test_only_the_stage_that_is_elsewhere_is_reached_from_outside(far: dict[str, dict[str, Any]]) -> None:
    (pipeline,) = (each for each in resources(far) if each.kind == "AWS::CodePipeline::Pipeline")
    stages = {
        stage["Name"]: {each["Name"]: each for each in stage["Actions"]} for stage in pipeline.properties["Stages"]
    }
    assert stages["Staging"].keys() == {"Deploy", "SmokeTest"}
    assert "RoleArn" not in stages["Staging"]["Deploy"]
    assert "access" not in stages["Staging"]["SmokeTest"]["Configuration"]["UserParameters"]
    assert stages["Production"].keys() == {"Publish", "Deploy", "SmokeTest", "Promote"}
    assert stages["Production"]["Deploy"]["Region"] == PRODUCTION[1]


def test_another_region_of_the_same_account_has_no_second_budget(far: dict[str, dict[str, Any]]) -> None:
    assert [each.stack for each in resources(far) if each.kind == "AWS::Budgets::Budget"] == ["Monitoring"]


def test_captures_of_both_stages_come_together(far: dict[str, dict[str, Any]], documents: dict[str, Any]) -> None:
    """In the bucket of runs where both are at home."""
    for found, bucket in ((far, "skin-lesion-captures-111122223333-eu-west-1"), (documents, "runs")):
        (rule,) = (
            each
            for each in resources(found)
            if each.id.startswith("TallyCaptured") and each.kind == "AWS::Events::Rule"
        )
        assert bucket in json.dumps(rule.properties["EventPattern"]["detail"]["bucket"])


def test_a_home_without_a_stage_has_no_role_for_endpoints(apart: Path) -> None:
    deployment = templates_in(apart)["Deployment"]["Resources"]
    assert [name for name in deployment if name.startswith(("Serving", "StagingDeployer", "ProductionDeployer"))] == []
