# SPDX-License-Identifier: MIT-0
"""EndpointStack: another package replaces the model, what autoscaling decided stays, and nothing is unencrypted."""

import json
import re
from typing import Any

import pytest

from stacks.endpoint.endpoint_stack import ENDPOINT_VARIANT, endpoint_name
from stacks.settings.deployment_settings import Settings
from tests.stacks.synthesis import endpoint_of, endpoint_with, only

CONFIGURATION = "AWS::SageMaker::EndpointConfig"
ENDPOINT = "AWS::SageMaker::Endpoint"
MODEL = "AWS::SageMaker::Model"
TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"
SAMPLES = {
    "ModelPackageArn": "arn:aws:sagemaker:eu-west-1:111122223333:model-package/skin-lesion/12",
    "ModelRoleArn": "arn:aws-cn:iam::111122223333:role/service/Model",
    "KeyArn": "arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d-1111-4222-8333-444455556666",
    "RunsBucket": "skin-lesion-storage-runs0a1b2c3d-4e5f",
    "TopicArn": "arn:aws-us-gov:sns:us-gov-west-1:111122223333:topic",
}


@pytest.fixture(scope="module", params=["staging", "production"])
def either(request: pytest.FixtureRequest, documents: dict[str, Any]) -> dict[str, Any]:
    """The template of one of the two stages."""
    return endpoint_of(documents, request.param)


@pytest.fixture(scope="module")
def production(documents: dict[str, Any]) -> dict[str, Any]:
    return endpoint_of(documents, "production")


@pytest.fixture(scope="module")
def staging(documents: dict[str, Any]) -> dict[str, Any]:
    return endpoint_of(documents, "staging")


def test_another_package_replaces_model_and_configuration_and_updates_the_endpoint(either: dict[str, Any]) -> None:
    """A named one would have to be deleted before its successor is made; so both refer to each other by attribute."""
    model, configuration, endpoint = (only(either, kind) for kind in (MODEL, CONFIGURATION, ENDPOINT))
    assert "ModelName" not in model
    assert "EndpointConfigName" not in configuration
    assert model["Containers"] == [{"ModelPackageName": {"Ref": "ModelPackageArn"}}]
    (variant,) = configuration["ProductionVariants"]
    own = "skinlesion" + endpoint["EndpointName"].rpartition("-")[2]
    assert variant["ModelName"] == {"Fn::GetAtt": [f"{own}model", "ModelName"]}
    assert endpoint["EndpointConfigName"] == {"Fn::GetAtt": [f"{own}configuration", "EndpointConfigName"]}


def test_what_an_alarm_may_take_the_endpoint_back_to_is_kept_and_nothing_outlives_the_stack(
    either: dict[str, Any],
) -> None:
    resources = either["Resources"].values()
    assert {each["Type"] for each in resources if each.get("UpdateReplacePolicy") == "Retain"} == {MODEL, CONFIGURATION}
    assert {each.get("DeletionPolicy", "Delete") for each in resources} == {"Delete"}


def test_the_model_has_no_network_and_the_volumes_are_encrypted(either: dict[str, Any]) -> None:
    assert only(either, MODEL)["EnableNetworkIsolation"] is True
    assert only(either, CONFIGURATION)["KmsKeyId"] == {"Ref": "KeyArn"}


def test_every_parameter_is_required_used_and_refuses_what_it_is_not(production: dict[str, Any]) -> None:
    text = json.dumps(production)
    assert production["Parameters"].keys() == SAMPLES.keys()
    for name, declared in production["Parameters"].items():
        assert "Default" not in declared
        assert re.fullmatch(declared["AllowedPattern"], SAMPLES[name])
        assert not re.fullmatch(declared["AllowedPattern"], "A word.")
        assert f'{{"Ref": "{name}"}}' in text


def test_a_package_of_another_group_is_refused(either: dict[str, Any]) -> None:
    pattern = either["Parameters"]["ModelPackageArn"]["AllowedPattern"]
    other = SAMPLES["ModelPackageArn"].replace("skin-lesion", "skin-lesion-2")
    assert not re.fullmatch(pattern, other)


def test_an_endpoint_that_captures_nothing_has_no_capture_and_asks_for_no_bucket(staging: dict[str, Any]) -> None:
    assert "DataCaptureConfig" not in only(staging, CONFIGURATION)
    assert "RunsBucket" not in staging["Parameters"]


def test_picture_and_answer_are_captured_encrypted_below_the_stages_own_prefix(production: dict[str, Any]) -> None:
    """An answer is kept as text; what is no text is kept in Base64 by default."""
    capture = only(production, CONFIGURATION)["DataCaptureConfig"]
    assert capture == {
        "EnableCapture": True,
        "InitialSamplingPercentage": Settings().production.capture_percent,
        "DestinationS3Uri": {"Fn::Join": ["", ["s3://", {"Ref": "RunsBucket"}, "/capture/production"]]},
        "KmsKeyId": {"Ref": "KeyArn"},
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
    }


def test_where_instances_scale_their_number_survives_an_update_and_a_changed_capture_applies(
    production: dict[str, Any],
) -> None:
    endpoint = only(production, ENDPOINT)
    assert endpoint["RetainAllVariantProperties"] is True
    assert endpoint["ExcludeRetainedVariantProperties"] == [{"VariantPropertyType": "DataCaptureConfig"}]


def test_where_they_do_not_scale_a_changed_number_applies(staging: dict[str, Any]) -> None:
    """Retained, the number of the settings would count at the first deployment and never again."""
    endpoint = only(staging, ENDPOINT)
    assert endpoint["RetainAllVariantProperties"] is False
    assert "ExcludeRetainedVariantProperties" not in endpoint


def test_a_fixed_number_of_instances_has_no_scaling_target(staging: dict[str, Any]) -> None:
    kinds = {each["Type"] for each in staging["Resources"].values()}
    assert not kinds & {TARGET, POLICY}


def test_the_scaling_target_is_named_by_what_stays_and_waits_for_the_endpoint(production: dict[str, Any]) -> None:
    target = only(production, TARGET)
    assert target["ResourceId"] == f"endpoint/{endpoint_name(Settings(), 'production')}/variant/{ENDPOINT_VARIANT}"
    assert target["ResourceId"].split("/")[1] == only(production, ENDPOINT)["EndpointName"]
    assert only(production, CONFIGURATION)["ProductionVariants"][0]["VariantName"] == ENDPOINT_VARIANT
    waiting = [each["DependsOn"] for each in production["Resources"].values() if each["Type"] == TARGET]
    assert waiting == [["Endpoint"]]


def test_it_scales_between_the_settings_numbers_on_invocations_per_instance(production: dict[str, Any]) -> None:
    settings, target = Settings().production, only(production, TARGET)
    assert (target["MinCapacity"], target["MaxCapacity"]) == (settings.minimum, settings.maximum)
    tracking = only(production, POLICY)["TargetTrackingScalingPolicyConfiguration"]
    metric = tracking["PredefinedMetricSpecification"]["PredefinedMetricType"]
    assert (metric, tracking["TargetValue"]) == ("SageMakerVariantInvocationsPerInstance", 600)


def test_the_settings_choose_instance_number_and_capture() -> None:
    configuration = only(endpoint_with("staging", instance="ml.m5.xlarge", minimum=3, maximum=3), CONFIGURATION)
    (variant,) = configuration["ProductionVariants"]
    assert (variant["InstanceType"], variant["InitialInstanceCount"]) == ("ml.m5.xlarge", 3)
    captured = only(endpoint_with("staging", capture_percent=7), CONFIGURATION)["DataCaptureConfig"]
    assert captured["InitialSamplingPercentage"] == 7
    assert captured["DestinationS3Uri"]["Fn::Join"][1][-1] == "/capture/staging"
