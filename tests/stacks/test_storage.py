# SPDX-License-Identifier: MIT-0
"""StorageStack: nothing in the clear, nothing public, nothing lost, everybody told."""

from typing import Any

import pytest
from aws_cdk.assertions import Match, Template

from tests.stacks.synthesis import storage_with

BUCKETS = ("Raw", "Runs", "Artifacts", "AccessLogs")


@pytest.fixture(scope="module")
def storage(templates: dict[str, Template]) -> Template:
    return templates["Storage"]


@pytest.fixture(scope="module")
def buckets(storage: Template) -> dict[str, dict[str, Any]]:
    """The buckets by what their construct is called."""
    found = storage.find_resources("AWS::S3::Bucket")
    return {name: next(value for key, value in found.items() if key.startswith(name)) for name in BUCKETS}


def rules(bucket: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {rule["Id"]: rule for rule in bucket["Properties"]["LifecycleConfiguration"]["Rules"]}


def test_the_key_is_rotated_and_survives(storage: Template) -> None:
    storage.has_resource("AWS::KMS::Key", {"Properties": {"EnableKeyRotation": True}, "DeletionPolicy": "Retain"})


@pytest.mark.parametrize("name", BUCKETS)
def test_a_bucket_is_private_versioned_and_survives(buckets: dict[str, dict[str, Any]], name: str) -> None:
    bucket = buckets[name]
    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"
    assert set(bucket["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["Properties"]["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert rules(bucket)["Tidy"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}


def test_data_and_models_lie_under_the_customers_key(storage: Template, buckets: dict[str, dict[str, Any]]) -> None:
    (key,) = storage.find_resources("AWS::KMS::Key")
    for name in ("Raw", "Runs", "Artifacts"):
        (rule,) = buckets[name]["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["BucketKeyEnabled"] is True
        assert rule["ServerSideEncryptionByDefault"] == {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": {"Fn::GetAtt": [key, "Arn"]},
        }


def test_access_to_each_bucket_is_logged(storage: Template, buckets: dict[str, dict[str, Any]]) -> None:
    logs = next(name for name in storage.find_resources("AWS::S3::Bucket") if name.startswith("AccessLogs"))
    for name in ("Raw", "Runs", "Artifacts"):
        assert buckets[name]["Properties"]["LoggingConfiguration"]["DestinationBucketName"] == {"Ref": logs}


def test_each_bucket_refuses_requests_without_tls_and_with_an_old_one(storage: Template) -> None:
    policies = storage.find_resources("AWS::S3::BucketPolicy").values()
    assert len(policies) == len(BUCKETS)
    for policy in policies:
        denied = [each for each in policy["Properties"]["PolicyDocument"]["Statement"] if each["Effect"] == "Deny"]
        conditions = [each["Condition"] for each in denied]
        assert {"Bool": {"aws:SecureTransport": "false"}} in conditions
        assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in conditions


def test_s3_tells_eventbridge_of_archives_and_of_what_is_captured(buckets: dict[str, dict[str, Any]]) -> None:
    told = {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    found = {name: bucket["Properties"].get("NotificationConfiguration") for name, bucket in buckets.items()}
    assert found == {"Raw": told, "Runs": told, "Artifacts": None, "AccessLogs": None}


def test_a_model_that_may_be_live_never_expires_unless_somebody_chose_so(buckets: dict[str, dict[str, Any]]) -> None:
    kept = rules(buckets["Runs"])["Runs"]
    assert "ExpirationInDays" not in kept
    assert kept["Transitions"] == [{"StorageClass": "INTELLIGENT_TIERING", "TransitionInDays": 30}]
    chosen = storage_with({"retention.model_days": 90})["Resources"]
    runs = next(value for name, value in chosen.items() if name.startswith("Runs") and "Bucket" in value["Type"])
    assert rules(runs)["Runs"]["ExpirationInDays"] == 90


def test_captured_requests_expire(buckets: dict[str, dict[str, Any]]) -> None:
    assert rules(buckets["Runs"])["Capture"] | {"Id": ""} == {
        "Id": "",
        "Prefix": "capture/",
        "Status": "Enabled",
        "ExpirationInDays": 30,
    }


def test_the_topic_is_encrypted_and_tells_the_address(storage: Template) -> None:
    storage.has_resource_properties("AWS::SNS::Topic", {"KmsMasterKeyId": Match.any_value()})
    storage.has_resource_properties("AWS::SNS::Subscription", {"Protocol": "email", "Endpoint": "someone@example.org"})


def test_only_this_accounts_alarms_and_budgets_publish_in_their_own_name(storage: Template) -> None:
    """EventBridge publishes as a role, because it gives a condition nothing to compare with."""
    (policy,) = storage.find_resources("AWS::SNS::TopicPolicy").values()
    allowed = [each for each in policy["Properties"]["PolicyDocument"]["Statement"] if each["Effect"] == "Allow"]
    (statement,) = allowed
    services = {f"{name}.amazonaws.com" for name in ("cloudwatch", "budgets")}
    assert set(statement["Principal"]["Service"]) == services
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_the_registry_survives(storage: Template) -> None:
    """All but a first deployment that fails, which would leave its name taken and it empty."""
    kept = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
    storage.has_resource("AWS::SageMaker::ModelPackageGroup", kept)


def test_what_is_live_is_no_resource_whose_first_value_an_update_could_put_back(templates: dict[str, Template]) -> None:
    for template in templates.values():
        template.resource_count_is("AWS::SSM::Parameter", 0)
    assert templates["Storage"].to_json()["Outputs"]["Champion"]["Value"] == "/skin-lesion/champion"


def test_everything_goes_with_the_stack_where_somebody_chose_so() -> None:
    resources = storage_with({"retention.data": "delete"})["Resources"].values()
    kinds = ("AWS::S3::Bucket", "AWS::KMS::Key", "AWS::SageMaker::ModelPackageGroup")
    stateful = [each for each in resources if each["Type"] in kinds]
    assert len(stateful) == 6
    assert {each["DeletionPolicy"] for each in stateful} == {"Delete"}


def test_operations_find_what_they_need_in_the_outputs(storage: Template) -> None:
    named = {"RawBucket", "RunsBucket", "KeyArn", "ModelPackageGroup", "Champion", "Topic"}
    assert named <= storage.to_json()["Outputs"].keys()
