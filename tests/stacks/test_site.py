# SPDX-License-Identifier: MIT-0
"""SiteStack: what an endpoint needs elsewhere stands there, under the names that build's account says.

That each access across is allowed by both sides, and nothing else is, tests/proof/test_account.py shows.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline_src.algorithms.algorithm_table import ALGORITHMS
from stacks.monitoring.cloudwatch_dashboard import ENDPOINT_ALARM_NAMES
from tests.proof.intrinsic import Resource, resources
from tests.proof.sample import ACCOUNT, PRODUCTION, REGION, STAGING

PLACES = {"staging": STAGING, "production": PRODUCTION}


@pytest.fixture(scope="module")
def deployed(documents_apart: dict[str, Any]) -> list[Resource]:
    """All resources, resolved."""
    return resources(documents_apart)


@pytest.fixture(params=PLACES)
def stage(request: pytest.FixtureRequest) -> str:
    """Each stage: production captures requests and staging does not."""
    return str(request.param)


def of_site(deployed: list[Resource], stage: str, kind: str) -> list[Resource]:
    """Return the resources of type `kind` of the site of a stage."""
    return [each for each in deployed if each.stack == f"{stage.capitalize()}Site" and each.kind == kind]


def bucket(deployed: list[Resource], stage: str) -> dict[str, Any]:
    """Return the bucket of the site of a stage."""
    (found,) = (each for each in of_site(deployed, stage, "AWS::S3::Bucket") if "BucketName" in each.properties)
    return found.properties


def handed(deployed: list[Resource], stage: str) -> dict[str, str]:
    """Return the parameters that the delivery hands to the template of a stage."""
    (pipeline,) = (each for each in deployed if each.properties.get("Name") == "skin-lesion-delivery")
    (steps,) = (each["Actions"] for each in pipeline.properties["Stages"] if each["Name"] == stage.capitalize())
    (deploy,) = (each for each in steps if each["Name"] == "Deploy")
    parameters: dict[str, str] = json.loads(deploy["Configuration"]["ParameterOverrides"])
    return parameters


def statements(deployed: list[Resource], stage: str, role: str) -> list[dict[str, Any]]:
    """Return what the role of a site whose name ends in `role` may do."""
    (made,) = (
        each for each in of_site(deployed, stage, "AWS::IAM::Role") if each.properties["RoleName"].endswith(role)
    )
    attached = [
        each.properties["PolicyDocument"]["Statement"]
        for each in of_site(deployed, stage, "AWS::IAM::Policy")
        if made.properties["RoleName"] in each.properties["Roles"]
    ]
    return [statement for each in attached for statement in each]


def actions(found: list[dict[str, Any]]) -> set[str]:
    """Return the actions of statements."""
    return {
        action for each in found for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    }


def test_what_the_template_is_handed_is_what_the_site_has(deployed: list[Resource], stage: str) -> None:
    given, (account, region) = handed(deployed, stage), PLACES[stage]
    (alias,), (topic,) = of_site(deployed, stage, "AWS::KMS::Alias"), of_site(deployed, stage, "AWS::SNS::Topic")
    assert given["KeyArn"] == f"arn:aws:kms:{region}:{account}:{alias.properties['AliasName']}"
    assert given["TopicArn"] == f"arn:aws:sns:{region}:{account}:{topic.properties['TopicName']}"
    roles = {each.properties["RoleName"] for each in of_site(deployed, stage, "AWS::IAM::Role")}
    assert given["ModelRoleArn"].removeprefix(f"arn:aws:iam::{account}:role/") in roles
    assert given.get("RunsBucket", bucket(deployed, stage)["BucketName"]) == bucket(deployed, stage)["BucketName"]
    assert ("RunsBucket" in given) == (stage == "production")


def test_it_serves_the_image_that_publish_found_and_the_copy_of_the_model(
    documents_apart: dict[str, Any], stage: str
) -> None:
    (template,) = (each for name, each in documents_apart.items() if name.startswith(f"Endpoints{stage.capitalize()}"))
    (model,) = (
        each["Properties"] for each in template["Resources"].values() if each["Type"] == "AWS::SageMaker::Model"
    )
    (container,) = model["Containers"]
    assert container == {"Image": {"Ref": "ModelImage"}, "ModelDataUrl": {"Ref": "ModelDataUrl"}}
    assert {"Key": "model-package", "Value": {"Ref": "ModelPackageArn"}} in model["Tags"]


def test_what_deploys_and_what_serves_know_no_registry(deployed: list[Resource], stage: str) -> None:
    for role in ("-deployer", "-model", "-deliver", "-access", "-images"):
        found = statements(deployed, stage, role)
        assert found
        assert "model-package" not in json.dumps(found)
    assert "sagemaker:DescribeModelPackage" not in actions(statements(deployed, stage, "-deployer"))


def test_captures_are_replicated_where_there_are_any(deployed: list[Resource]) -> None:
    replication = bucket(deployed, "production")["ReplicationConfiguration"]
    (rule,) = replication["Rules"]
    (captures,) = (each for each in deployed if each.stack == "Storage" and each.id.startswith("CapturesDE"))
    (alias,) = (each for each in deployed if each.stack == "Storage" and each.kind == "AWS::KMS::Alias")
    assert rule["Destination"] == {
        "Bucket": f"arn:aws:s3:::{captures.properties['BucketName']}",
        "EncryptionConfiguration": {
            "ReplicaKmsKeyID": f"arn:aws:kms:{REGION}:{ACCOUNT}:{alias.properties['AliasName']}"
        },
        # Without it nothing tells of what S3 could not replicate.
        "Metrics": {"Status": "Enabled"},
    }
    assert (rule["Filter"], rule["Status"]) == ({"Prefix": "capture/production/"}, "Enabled")
    assert rule["SourceSelectionCriteria"]["SseKmsEncryptedObjects"]["Status"] == "Enabled"
    assert rule["DeleteMarkerReplication"]["Status"] == "Disabled"


def test_what_cannot_be_replicated_is_told(deployed: list[Resource]) -> None:
    (alarm,) = (
        each.properties
        for each in of_site(deployed, "production", "AWS::CloudWatch::Alarm")
        if each.properties["MetricName"] == "OperationsFailedReplication"
    )
    (rule,) = bucket(deployed, "production")["ReplicationConfiguration"]["Rules"]
    names = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
    assert names["RuleId"] == rule["Id"]
    assert rule["Destination"]["Bucket"].endswith(f":{names['DestinationBucket']}")
    assert len(alarm["AlarmActions"]) == 1


def test_nothing_is_replicated_where_nothing_is_captured(deployed: list[Resource]) -> None:
    assert "ReplicationConfiguration" not in bucket(deployed, "staging")
    assert not [each for each in of_site(deployed, "staging", "AWS::IAM::Role") if "replicate" in str(each.properties)]


def test_copies_of_models_stay_and_captures_go(deployed: list[Resource], stage: str) -> None:
    rules = bucket(deployed, stage)["LifecycleConfiguration"]["Rules"]
    assert {each["Prefix"]: each["ExpirationInDays"] for each in rules if "ExpirationInDays" in each} == {
        "capture/": 30
    }


def test_only_what_is_asked_of_the_endpoint_is_allowed(deployed: list[Resource]) -> None:
    assert actions(statements(deployed, "staging", "-access")) == {"sagemaker:InvokeEndpoint"}
    looked = {f"sagemaker:Describe{each}" for each in ("Endpoint", "EndpointConfig", "Model")}
    assert actions(statements(deployed, "production", "-access")) == {"sagemaker:InvokeEndpoint", *looked}


def test_publish_may_look_up_images_where_they_are_pushed_and_nothing_else(
    deployed: list[Resource], stage: str
) -> None:
    account, region = PLACES[stage]
    (statement,) = statements(deployed, stage, "-images")
    assert statement["Action"] == "ecr:DescribeImages"
    repository = f"repository/cdk-hnb659fds-container-assets-{account}-{region}"
    assert statement["Resource"] == f"arn:aws:ecr:{region}:{account}:{repository}"
    (role,) = (
        each.properties
        for each in of_site(deployed, stage, "AWS::IAM::Role")
        if each.properties["RoleName"].endswith("-images")
    )
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    publish = f"arn:aws:iam::{ACCOUNT}:role/skin-lesion-publish"
    assert trust["Condition"] == {"ArnEquals": {"aws:PrincipalArn": [publish]}}


def test_the_images_of_all_models_are_pushed_to_where_they_are_served(apart: Path, stage: str) -> None:
    """Each image has one tag, a hash of what it is built from, in the account of build and in that of the stage."""
    account, region = PLACES[stage]
    pushed = json.loads((apart / f"{stage.capitalize()}Site.assets.json").read_text())["dockerImages"]
    built = {each.serving_image.folder for each in ALGORITHMS.values() if each.serving_image.is_built}
    files = {each["source"]["dockerFile"] for each in pushed.values()}
    assert files == {f"containers/{folder}/Dockerfile" for folder in built}
    repository = f"cdk-hnb659fds-container-assets-{account}-{region}"
    for tag, image in pushed.items():
        (destination,) = image["destinations"].values()
        assert (destination["repositoryName"], destination["imageTag"]) == (repository, tag)
    home = json.loads((apart / "Training.assets.json").read_text())["dockerImages"]
    assert pushed.keys() <= home.keys()


def test_only_the_functions_that_ask_it_are_let_in(deployed: list[Resource]) -> None:
    asking = {"staging": ["smoke"], "production": ["smoke", "promote"]}
    for stage, functions in asking.items():
        roles = of_site(deployed, stage, "AWS::IAM::Role")
        (access,) = (each.properties for each in roles if each.properties["RoleName"].endswith("-access"))
        (trust,) = access["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Condition"] == {
            "ArnEquals": {"aws:PrincipalArn": [f"arn:aws:iam::{ACCOUNT}:role/skin-lesion-{each}" for each in functions]}
        }


def test_the_endpoints_log_is_there_before_it(deployed: list[Resource], stage: str) -> None:
    (log,) = of_site(deployed, stage, "AWS::Logs::LogGroup")
    assert log.properties["LogGroupName"] == f"/aws/sagemaker/Endpoints/skin-lesion-{stage}"
    assert log.properties["KmsKeyId"].startswith(f"arn:aws:kms:{PLACES[stage][1]}:{PLACES[stage][0]}:key/")


def test_its_page_and_its_alarms_are_looked_at_there_and_not_at_home(deployed: list[Resource], stage: str) -> None:
    (page,) = of_site(deployed, stage, "AWS::CloudWatch::Dashboard")
    for name in ENDPOINT_ALARM_NAMES:
        assert f":{PLACES[stage][0]}:alarm:skin-lesion-{stage}-{name}" in page.properties["DashboardBody"]
    (home,) = (each for each in deployed if each.stack == "Monitoring" and each.kind == "AWS::CloudWatch::Dashboard")
    assert f"skin-lesion-{stage}" not in home.properties["DashboardBody"]


def test_people_are_told_and_the_bill_is_watched_in_each_account(deployed: list[Resource], stage: str) -> None:
    (subscription,) = of_site(deployed, stage, "AWS::SNS::Subscription")
    assert subscription.properties["Endpoint"] == "someone@example.org"
    (budget,) = of_site(deployed, stage, "AWS::Budgets::Budget")
    assert budget.properties["Budget"]["BudgetName"] == f"skin-lesion-{stage}-monthly"
