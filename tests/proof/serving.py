# SPDX-License-Identifier: MIT-0
"""What protects the endpoints: an isolated model, an encrypted configuration, a rollout that can go back.

Source: SageMaker API Reference, BlueGreenUpdatePolicy, CapacitySize and AutoRollbackConfig.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from tests.proof.intrinsic import Resource


def _model(resource: Resource, _: list[Resource]) -> Iterator[str]:
    if resource.properties.get("EnableNetworkIsolation") is not True:
        yield "the model's container has a network"
    if "ModelName" in resource.properties:
        yield "it has a name, so that a new package cannot replace it"


def _configuration(resource: Resource, _: list[Resource]) -> Iterator[str]:
    given = resource.properties
    if "EndpointConfigName" in given:
        yield "it has a name, so that a new package cannot replace it"
    if "KmsKeyId" not in given:
        yield "the instances' volumes are not encrypted with the customer's key"
    capture = given.get("DataCaptureConfig", {})
    if capture.get("EnableCapture") and "KmsKeyId" not in capture:
        yield "captured requests are not encrypted with the customer's key"


def _endpoint(resource: Resource, deployed: list[Resource]) -> Iterator[str]:
    rollout = resource.properties.get("DeploymentConfig", {})
    alarms = [each["AlarmName"] for each in rollout.get("AutoRollbackConfiguration", {}).get("Alarms", [])]
    if not alarms:
        yield "no alarm rolls a bad model back"
    known = {str(each.arn).rpartition(":")[2]: each for each in deployed if each.kind == "AWS::CloudWatch::Alarm"}
    for name in alarms:
        if name in known:
            yield from _guard(name, known[name], resource)
        else:
            yield f"its rollback waits for alarm {name}, which does not exist"
    routing = rollout.get("BlueGreenUpdatePolicy", {}).get("TrafficRoutingConfiguration", {})
    if routing.get("Type") == "CANARY":
        yield from _canary(routing.get("CanarySize", {}), resource, deployed)


def _guard(name: str, alarm: Resource, endpoint: Resource) -> Iterator[str]:
    configuration = endpoint.properties["EndpointConfigName"]
    dimensions = {each["Name"]: each["Value"] for each in alarm.properties["Dimensions"]}
    if dimensions.get("EndpointName") != endpoint.properties["EndpointName"]:
        yield f"its rollback waits for alarm {name}, which watches another endpoint"
    if dimensions.get("EndpointConfigName") != configuration:
        yield f"its rollback waits for alarm {name}, which watches the old fleet too"
    if configuration not in name:
        yield f"its rollback waits for alarm {name}, which keeps the state that the old fleet has brought it into"


def _canary(size: dict[str, Any], resource: Resource, deployed: list[Resource]) -> Iterator[str]:
    hosts = _hosts(resource, deployed)
    percent = size.get("Type") == "CAPACITY_PERCENT"
    share = size.get("Value", 0) if percent else 100 * size.get("Value", 0) / max(hosts, 1)
    if not 0 < share <= 50:
        yield f"the canary is {share:g} % of the capacity; the service takes up to 50 %"
    if hosts < 2:
        yield f"a canary of {hosts} instance: one cannot be split"


def _hosts(resource: Resource, deployed: list[Resource]) -> int:
    name = resource.properties.get("EndpointConfigName")
    for each in deployed:
        if each.kind == "AWS::SageMaker::EndpointConfig" and each.stack == resource.stack:
            known = (str(each.arn), str(each.arn).rpartition("/")[2])
            if name in known:
                return int(each.properties["ProductionVariants"][0]["InitialInstanceCount"])
    return 0


def _target(resource: Resource, _: list[Resource]) -> Iterator[str]:
    low, high = int(resource.properties["MinCapacity"]), int(resource.properties["MaxCapacity"])
    if not 1 <= low <= high:
        yield f"it scales from {low} to {high}"


SERVING: Final[dict[str, Callable[[Resource, list[Resource]], Iterator[str]]]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": _target,
    "AWS::SageMaker::Endpoint": _endpoint,
    "AWS::SageMaker::EndpointConfig": _configuration,
    "AWS::SageMaker::Model": _model,
}
