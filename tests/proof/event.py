# SPDX-License-Identifier: MIT-0
"""EventBridge rules whose target would never be reached: no role, no permission, no queue policy, no target."""

from collections.abc import Iterator
from typing import Any, Final

from tests.proof.intrinsic import Documents, Resource, resources
from tests.proof.policy import listed

# Services that EventBridge calls as a role of ours; the others say themselves who may call them.
_BY_ROLE: Final = ("codebuild", "codepipeline", "ecs", "sagemaker", "states", "ssm", "kinesis")


def problems(documents: Documents) -> Iterator[str]:
    """Yield what is wrong with the rules of `documents`."""
    deployed = resources(documents)
    for resource in deployed:
        if resource.kind == "AWS::Events::Rule":
            yield from (f"{resource.place}: {problem}" for problem in _rule(resource, deployed))


def _rule(rule: Resource, deployed: list[Resource]) -> Iterator[str]:
    given = rule.properties
    if ("EventPattern" in given) is ("ScheduleExpression" in given):
        yield "needs a pattern or a schedule, and not both"
    if "EventPattern" in given and not {"source", "detail-type"} <= given["EventPattern"].keys():
        yield "its pattern does not say source and detail-type, so that it matches other services' events"
    if not given.get("Targets"):
        yield "no target"
    for target in given.get("Targets", []):
        yield from (f"target {target['Id']}: {problem}" for problem in _target(target, rule, deployed))


def _target(target: dict[str, Any], rule: Resource, deployed: list[Resource]) -> Iterator[str]:
    service = str(target["Arn"]).split(":")[2] if str(target["Arn"]).startswith("arn:") else ""
    if service in _BY_ROLE and "RoleArn" not in target:
        yield f"no role, which a target of {service} needs"
    if sum(key in target for key in ("Input", "InputPath", "InputTransformer")) > 1:
        yield "more than one of Input, InputPath and InputTransformer"
    if service == "lambda" and not any(_permits(each, rule, target) for each in deployed):
        yield "the function has no permission for this rule"
    if service == "sns" and "RoleArn" in target:
        if not any(_publishes(each, target) for each in deployed):
            yield "its role may not publish to the topic"
    elif service in ("sns", "sqs") and not any(_admits(each, target["Arn"]) for each in deployed):
        yield f"no {service} policy lets EventBridge in"
    queue = target.get("DeadLetterConfig", {}).get("Arn")
    if queue and not any(_admits(each, queue) for each in deployed if each.stack == rule.stack):
        yield "its dead letters: no sqs policy lets EventBridge in"


def _permits(resource: Resource, rule: Resource, target: dict[str, Any]) -> bool:
    given = resource.properties
    return (
        resource.kind == "AWS::Lambda::Permission"
        and given.get("Principal") == "events.amazonaws.com"
        and str(given.get("FunctionName")).rpartition(":")[2] == str(target["Arn"]).rpartition(":")[2]
        and given.get("SourceArn", rule.arn) == rule.arn
    )


def _publishes(resource: Resource, target: dict[str, Any]) -> bool:
    """Return whether the policy `resource`, if it is one of the target's role, lets it publish to the target."""
    role = str(target["RoleArn"]).rpartition("/")[2]
    if resource.kind != "AWS::IAM::Policy" or role not in resource.properties.get("Roles", []):
        return False
    return any(
        "sns:Publish" in listed(statement["Action"]) and target["Arn"] in listed(statement["Resource"])
        for statement in resource.properties["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    )


def _admits(resource: Resource, arn: str) -> bool:
    if resource.kind not in ("AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"):
        return False
    return any(
        "events.amazonaws.com" in str(statement.get("Principal")) and arn in str(statement.get("Resource"))
        for statement in resource.properties["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    )
