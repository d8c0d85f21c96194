# SPDX-License-Identifier: MIT-0
"""A VPC of the settings reaches every job, model and build; without one, no template names any."""

import dataclasses
import json
from typing import Any

import pytest

from operations.functions.job_inputs import JobPlacement, ProcessingJob
from pipeline_src.definition.pipeline import definition_json
from pipeline_src.definition.pipeline_deployment import OFFLINE_DEPLOYMENT, TuningSettings
from stacks.settings.deployment_settings import NetworkSettings, Settings
from stacks.settings.settings_context import SettingError, settings_from_context
from stacks.settings.settings_validation import validate_settings
from tests.assembly import CONNECTED
from tests.proof.sample import ACCOUNTS
from tests.stacks.synthesis import deployed

Documents = dict[str, dict[str, Any]]
NETWORK = {key: value for key, value in CONNECTED.items() if key.startswith("network.")}
VPC_CONFIG = settings_from_context(NETWORK).network.vpc_config
SUBNET, GROUP = VPC_CONFIG["Subnets"][0], VPC_CONFIG["SecurityGroupIds"][0]
ROLES = {"JobRole", "ServingRole", "MonitorRole", "ExportRole", "PushBuildRole"}


def of_type(documents: Documents, kind: str) -> list[dict[str, Any]]:
    return [
        each["Properties"]
        for document in documents.values()
        for each in document["Resources"].values()
        if each["Type"] == kind
    ]


@pytest.mark.parametrize("tuning", [None, TuningSettings(jobs=2)])
def test_every_request_of_the_definition_that_can_have_a_vpc_has_it(tuning: TuningSettings | None) -> None:
    chosen = dataclasses.replace(OFFLINE_DEPLOYMENT, network=VPC_CONFIG, tuning=tuning)
    steps = {each["Name"]: each["Arguments"] for each in json.loads(definition_json(chosen))["Steps"]}
    train = steps["Train"]["TrainingJobDefinition"] if tuning else steps["Train"]
    isolated = (steps["Preprocess"]["NetworkConfig"], steps["Evaluate"]["NetworkConfig"], train, steps["Model"])
    assert all(each["VpcConfig"] == VPC_CONFIG and each["EnableNetworkIsolation"] for each in isolated)
    assert "VpcConfig" not in steps["Score"]  # a transform job runs in the VPC of its model


def test_models_and_builds_are_in_the_vpc(documents: Documents) -> None:
    models = of_type(documents, "AWS::SageMaker::Model")
    assert [each["VpcConfig"] for each in models] == [VPC_CONFIG] * 2
    builds = of_type(documents, "AWS::CodeBuild::Project")
    assert builds
    assert all(each["VpcConfig"] == VPC_CONFIG | {"VpcId": NETWORK["network.vpc"]} for each in builds)


def test_the_jobs_of_monitor_and_export_are_in_the_vpc(documents: Documents) -> None:
    """Each request is built of what payload and outputs say, by the same class."""
    rules = [each for each in deployed(documents, "Monitoring", "AWS::Events::Rule") if "Schedule" in each.id]
    (target,) = rules[0].properties["Targets"]
    payload = target["Input"] if "Input" in target else target["InputTransformer"]["InputTemplate"]
    output = documents["Monitoring"]["Outputs"]["ExportNetwork"]["Value"]
    assert f'"network":"{output}"' in payload
    placement = JobPlacement(image="i", role="r", key="k", instance="ml.m5.large", network=output)
    job = ProcessingJob(entrypoint=(), inputs={}, outputs={}, volume_gb=30, seconds=60)
    assert placement.job_request("n", "p", job)["NetworkConfig"] == {
        "EnableNetworkIsolation": True,
        "VpcConfig": VPC_CONFIG,
    }


def test_every_role_that_runs_in_the_vpc_may_create_interfaces_in_its_subnets_only(documents: Documents) -> None:
    found = {
        name.partition("NetworkPolicy")[0]: each["Properties"]["PolicyDocument"]["Statement"]
        for document in documents.values()
        for name, each in document["Resources"].items()
        if each["Type"] == "AWS::IAM::Policy" and "NetworkPolicy" in name
    }
    assert set(found) == ROLES
    for role, statements in found.items():
        of = {
            action: each
            for each in statements
            for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
        }
        named = [json.dumps(arn) for arn in of["ec2:CreateNetworkInterface"]["Resource"]]
        given = (*VPC_CONFIG["Subnets"], GROUP, "network-interface/*")
        assert sorted(each for arn in named for each in given if each in arn) == sorted(given)
        for verb in ("DeleteNetworkInterface", "CreateNetworkInterfacePermission"):
            condition = json.dumps(of[f"ec2:{verb}"]["Condition"]["ArnEquals"]["ec2:Subnet"])
            assert all(each in condition for each in VPC_CONFIG["Subnets"])
        service = of["ec2:CreateNetworkInterfacePermission"]["Condition"].get("StringEquals", {})
        assert (service == {"ec2:AuthorizedService": "codebuild.amazonaws.com"}) == ("Build" in role)


def test_without_a_vpc_nothing_names_one(documents_apart: Documents) -> None:
    assert "VpcConfig" not in json.dumps(documents_apart)
    assert "NetworkInterface" not in json.dumps(documents_apart)
    assert Settings().network.vpc_config == {}
    placement = JobPlacement(image="i", role="r", key="k", instance="ml.m5.large")
    job = ProcessingJob(entrypoint=(), inputs={}, outputs={}, volume_gb=30, seconds=60)
    assert placement.job_request("n", "p", job)["NetworkConfig"] == {"EnableNetworkIsolation": True}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network.security_groups": ""}, r"'network\.security_groups': '': give network\.vpc, subnets and security"),
        ({"network.subnets": ""}, r"'network\.subnets': '': give network\.vpc, subnets and security_groups together"),
        ({"network.vpc": ""}, r"'network\.vpc': '': give network\.vpc"),
        ({"network.vpc": "main"}, r"'network\.vpc': 'main': give an id such as vpc-"),
        ({"network.subnets": "subnet-1"}, r"'network\.subnets': 'subnet-1': give up to 16 ids such as subnet-"),
        ({"network.subnets": f"{SUBNET},{SUBNET}"}, r"each once"),
        ({"network.subnets": f"{SUBNET},"}, r"give up to 16 ids"),
        ({"network.security_groups": SUBNET}, r"give up to 5 ids such as sg-"),
        (
            {"network.security_groups": ",".join(f"sg-0000000{number}" for number in range(6))},
            r"give up to 5 ids such as sg-",
        ),
        (ACCOUNTS | NETWORK, r"where staging, production is not; leave network empty, or keep the stages at home"),
    ],
)
def test_a_network_that_cannot_be_is_refused(changes: dict[str, str], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        validate_settings(settings_from_context(NETWORK | changes))


def test_ids_may_be_written_with_spaces() -> None:
    assert NetworkSettings(subnets=f"{SUBNET}, subnet-abcdef01").subnet_ids == (SUBNET, "subnet-abcdef01")
