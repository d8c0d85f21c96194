# SPDX-License-Identifier: MIT-0
"""The delivery to stages that are elsewhere: the model goes first, each action as the role of where it acts."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack

from operations.functions import function_payloads
from pipeline_src.algorithms.algorithm_table import ALGORITHMS
from stacks.container_images import corresponding_images
from stacks.settings.deployment_settings import AwsEnvironment, Settings
from tests.proof.intrinsic import Resource, resources
from tests.proof.sample import ACCOUNT, PRODUCTION, REGION, STAGING

BUCKET = "skin-lesion-production-333344445555-eu-central-1"
PACKAGE = "#{variables.ModelPackageArn}"


@pytest.fixture(scope="module")
def pipeline(documents_apart: dict[str, Any]) -> dict[str, Any]:
    """The pipeline, resolved."""
    found = (each.properties for each in resources(documents_apart) if each.kind == "AWS::CodePipeline::Pipeline")
    return next(each for each in found if each["Name"] == "skin-lesion-delivery")


@pytest.fixture(scope="module")
def stages(pipeline: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Its actions, by stage and name."""
    return {stage["Name"]: {each["Name"]: each for each in stage["Actions"]} for stage in pipeline["Stages"]}


def told(action: dict[str, Any]) -> dict[str, str]:
    """Return what an action hands to its function."""
    given: dict[str, str] = json.loads(action["Configuration"]["UserParameters"])
    return given


def test_a_model_is_there_before_its_endpoint_and_the_endpoint_before_its_test(stages: dict[str, Any]) -> None:
    orders = {
        stage: [name for name, _ in sorted(stages[stage].items(), key=lambda each: each[1]["RunOrder"])]
        for stage in ("Staging", "Production")
    }
    assert orders == {
        "Staging": ["Publish", "Deploy", "SmokeTest"],
        "Production": ["Publish", "Deploy", "SmokeTest", "Promote"],
    }
    for stage in orders:
        numbers = [each["RunOrder"] for each in stages[stage].values()]
        assert sorted(numbers) == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize(("stage", "place"), [("Staging", STAGING), ("Production", PRODUCTION)])
def test_a_deployment_runs_as_roles_of_that_account_and_in_that_region(
    stages: dict[str, Any], stage: str, place: tuple[str, str]
) -> None:
    account, region = place
    deploy = stages[stage]["Deploy"]
    start = f"arn:aws:iam::{account}:role/skin-lesion-{stage.lower()}"
    assert (deploy["RoleArn"], deploy["Configuration"]["RoleArn"]) == (f"{start}-deliver", f"{start}-deployer")
    assert deploy.get("Region", REGION) == region


@pytest.mark.parametrize("stage", ["Staging", "Production"])
def test_the_template_is_told_where_the_copy_is_by_the_action_that_made_it(stages: dict[str, Any], stage: str) -> None:
    publish, deploy = (stages[stage][name] for name in ("Publish", "Deploy"))
    given = json.loads(deploy["Configuration"]["ParameterOverrides"])
    assert given["ModelDataUrl"] == f"#{{{publish['Namespace']}.model}}"
    assert given["ModelImage"] == f"#{{{publish['Namespace']}.image}}"
    assert given["ModelPackageArn"] == PACKAGE


def test_the_functions_are_told_by_which_way_to_reach_the_endpoint(stages: dict[str, Any]) -> None:
    access = {
        "access": f"arn:aws:iam::{PRODUCTION[0]}:role/skin-lesion-production-access",
        "region": PRODUCTION[1],
    }
    endpoint = {"endpoint": "skin-lesion-production", "package": PACKAGE}
    promoted = {"champion": "/skin-lesion/champion", "bucket": BUCKET}
    actions = stages["Production"]
    images = f"arn:aws:iam::{PRODUCTION[0]}:role/skin-lesion-production-images"
    to = {"bucket": BUCKET, "region": PRODUCTION[1], "access": images}
    published = told(actions["Publish"])
    assert published == {"package": PACKAGE, **to, "images": published["images"]}
    assert told(actions["SmokeTest"]) == {**endpoint, **access}
    assert told(actions["Promote"]) == {**endpoint, **access, **promoted}
    # Whoever approves is told what is live by staging's.
    assert told(stages["Staging"]["SmokeTest"]).keys() == {
        field.name for field in fields(function_payloads.SmokeRequest)
    }
    for name, kind in {
        "Publish": function_payloads.PublishRequest,
        "Promote": function_payloads.PromoteRequest,
    }.items():
        assert told(actions[name]).keys() == {field.name for field in fields(kind)}


def test_publish_is_told_where_every_image_that_may_be_served_is(stages: dict[str, Any]) -> None:
    images = told(stages["Production"]["Publish"])["images"]
    pushed = "{0}/cdk-hnb659fds-container-assets-{0}-{1}"
    wanted = {pushed.format(ACCOUNT, REGION): pushed.format(*PRODUCTION)}
    for each in ALGORITHMS.values():
        image = each.serving_image
        if not image.is_built:
            here, there = (f"{image.accounts[region]}/{image.repository}" for region in (REGION, PRODUCTION[1]))
            wanted[f"{here}:{image.tag}"] = f"{there}:{image.tag}"
    assert dict(each.split("=") for each in images.split(",")) == wanted


def test_an_image_that_aws_lacks_in_the_stage_s_region_has_no_counterpart_there() -> None:
    bare = AwsEnvironment(account=PRODUCTION[0], region="mx-central-1")
    settings = Settings(build=AwsEnvironment(account=ACCOUNT, region=REGION), production_environment=bare)
    images = corresponding_images(Stack(App(), "Sample"), settings, bare)
    assert images == (
        f"{ACCOUNT}/cdk-hnb659fds-container-assets-{ACCOUNT}-{REGION}"
        f"={PRODUCTION[0]}/cdk-hnb659fds-container-assets-{PRODUCTION[0]}-mx-central-1"
    )


def test_each_region_has_its_bucket_of_artifacts_under_a_key_of_that_region(
    pipeline: dict[str, Any], documents_apart: dict[str, Any]
) -> None:
    stores = {each["Region"]: each["ArtifactStore"] for each in pipeline["ArtifactStores"]}
    assert stores.keys() == {REGION, PRODUCTION[1]}
    made: list[Resource] = [each for each in resources(documents_apart) if each.kind == "AWS::S3::Bucket"]
    for region, store in stores.items():
        assert store["Location"] in {each.properties.get("BucketName") for each in made if each.where.region == region}
        assert store["EncryptionKey"]["Id"].startswith(f"arn:aws:kms:{region}:{ACCOUNT}:")


def test_the_library_adds_no_stack_and_no_policy_of_its_own(apart: Path, documents_apart: dict[str, Any]) -> None:
    """It would, for an action in another account or region, whatever its own rules have to say."""
    manifest = json.loads((apart / "manifest.json").read_text())
    stacks = {name for name, each in manifest["artifacts"].items() if each["type"] == "aws:cloudformation:stack"}
    assert stacks == {
        *("Storage", "Training", "Retraining", "Deployment", "Monitoring"),
        *("StagingSite", "ProductionSite", "Relay-eu-central-1"),
    }
    kinds = ("AWS::S3::BucketPolicy", "AWS::KMS::Key")
    said = [each.properties for each in resources(documents_apart) if each.kind in kinds]
    assert "s3:GetObject*" not in json.dumps(said)
    assert "s3:List*" not in json.dumps(said)


def test_stacks_are_deployed_in_an_order_in_which_each_finds_what_it_needs(apart: Path) -> None:
    artifacts = json.loads((apart / "manifest.json").read_text())["artifacts"]
    waits = {name: set(each.get("dependencies", [])) for name, each in artifacts.items()}
    # Replication is refused as long as the bucket that it leads to is not there.
    assert "Storage" in waits["StagingSite"] & waits["ProductionSite"]
    assert waits["Deployment"] >= {"StagingSite", "ProductionSite", "Relay-eu-central-1"}


def test_a_push_deploys_in_each_place_with_the_roles_that_the_bootstrap_made_there(
    documents_apart: dict[str, Any],
) -> None:
    (policy,) = (
        each
        for each in resources(documents_apart)
        if each.kind == "AWS::IAM::Policy" and each.id.startswith("PushBuildRole")
    )
    statements = policy.properties["PolicyDocument"]["Statement"]
    (assumed,) = (each["Resource"] for each in statements if each["Action"] == "sts:AssumeRole")
    places = [(ACCOUNT, REGION), STAGING, PRODUCTION, (ACCOUNT, PRODUCTION[1])]
    assert {each.partition("-deploy-role-")[2] for each in assumed if "-deploy-role-" in each} == {
        f"{account}-{region}" for account, region in places
    }
    assert len(assumed) == 4 * len(places)


def test_operations_find_where_the_stages_are(documents_apart: dict[str, Any]) -> None:
    outputs = documents_apart["Deployment"]["Outputs"]
    found = [outputs[f"Production{each}"]["Value"] for each in ("Account", "Region", "Stack", "Endpoint")]
    assert found == [*PRODUCTION, "skin-lesion-production", "skin-lesion-production"]
