# SPDX-License-Identifier: MIT-0
"""What the services of cloud.py answer about stacks, endpoints and what starts things, by service and operation."""

from typing import Any

from tests.operations import contents
from tests.operations.cloud import RefusedError
from tests.operations.state import ACCOUNT, MONDAY, NAME, REGION, Asked, Handler, State, arn


def services(state: State) -> dict[str, Handler]:
    """Return all of them over `state`."""
    held = (contents.pipelines, contents.registry, contents.models, contents.data, contents.uploads)
    parts = (_stacks, _stack_changes, _endpoints, _starters, *held)
    return {operation: handler for part in parts for operation, handler in part(state).items()}


def _stacks(state: State) -> dict[str, Handler]:
    def describe(asked: Asked) -> Any:
        name = asked["StackName"].split("/")[1] if "/" in asked["StackName"] else asked["StackName"]
        by_id = "/" in asked["StackName"] and name in state.deleted
        status = state.stacks.get(name) or ("DELETE_COMPLETE" if by_id else None)
        if status is None:
            raise RefusedError("ValidationError", f"Stack with id {name} does not exist")
        outputs = state.outputs.get(name.removeprefix(f"{NAME}-"), {})
        shown = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
        known = {"StackName": name, "StackId": arn(name), "CreationTime": MONDAY, "StackStatus": status}
        return {"Stacks": [{**known, "Outputs": shown}]}

    def deleted(_: Asked) -> Any:
        known = {"CreationTime": MONDAY, "DeletionTime": MONDAY, "StackStatus": "DELETE_COMPLETE"}
        return {"StackSummaries": [{"StackName": name, "StackId": arn(name), **known} for name in state.deleted]}

    return {
        "cloudformation DescribeStacks": describe,
        "cloudformation ListStackResources": _resources,
        "cloudformation DescribeStackEvents": _events,
        "cloudformation ListStacks": deleted,
        "cloudformation UpdateTerminationProtection": lambda asked: {"StackId": arn(asked["StackName"])},
        "sts GetCallerIdentity": lambda _: {"Account": state.account},
    }


def _stack_changes(state: State) -> dict[str, Handler]:
    def delete(asked: Asked) -> None:
        name = asked["StackName"].split("/")[1]
        if state.stacks.get(name, "").endswith("_IN_PROGRESS") or state.role not in state.stacks:
            raise RefusedError("ValidationError", "it is being updated, or its role is gone")
        state.delete_endpoint_stack(name)

    return {
        "cloudformation DeleteStack": delete,
        "cloudformation CancelUpdateStack": lambda asked: state.stacks.update(
            {asked["StackName"].split("/")[1]: "UPDATE_ROLLBACK_IN_PROGRESS"}
        ),
    }


def _resources(asked: Asked) -> Any:
    kinds = {
        "storage": {"raw": "AWS::S3::Bucket", "runs": "AWS::S3::Bucket", "logs": "AWS::S3::Bucket"}
        | {"key": "AWS::KMS::Key", "group": "AWS::SageMaker::ModelPackageGroup"},
        "monitoring": {"monitor-schedule": "AWS::Events::Rule", "dashboard": "AWS::CloudWatch::Dashboard"},
        "retraining": {"rule": "AWS::Events::Rule", "machine": "AWS::StepFunctions::StateMachine"},
        "production-site": {"site": "AWS::S3::Bucket", "site-key": "AWS::KMS::Key", "topic": "AWS::SNS::Topic"},
        "relay-eu-west-1": {"relay": "AWS::S3::Bucket", "relay-key": "AWS::KMS::Key"},
    }
    part = next((part for part in kinds if f"{NAME}-{part}" in asked["StackName"]), "")
    status = "DELETE_SKIPPED" if "/" in asked["StackName"] else "CREATE_COMPLETE"
    common = {"LastUpdatedTimestamp": MONDAY}
    listed = [
        {"LogicalResourceId": name, "PhysicalResourceId": name, "ResourceType": kind, **common}
        | {"ResourceStatus": "DELETE_COMPLETE" if kind == "AWS::SNS::Topic" and "/" in asked["StackName"] else status}
        for name, kind in kinds.get(part, {}).items()
    ]
    return {"StackResourceSummaries": listed}


def _events(asked: Asked) -> Any:
    failed = {"ResourceStatus": "DELETE_FAILED", "ResourceType": "AWS::SageMaker::Endpoint", "Timestamp": MONDAY}
    named = {"StackId": asked["StackName"], "StackName": "stack", "EventId": "1", "LogicalResourceId": "Endpoint"}
    return {"StackEvents": [{**failed, **named, "ResourceStatusReason": "it is being updated"}]}


def _endpoints(state: State) -> dict[str, Handler]:
    def describe(asked: Asked) -> Any:
        name = asked["EndpointName"]
        if name not in state.endpoints:
            raise RefusedError("ValidationException", f'Could not find endpoint "{name}".')
        times = {"CreationTime": MONDAY, "LastModifiedTime": MONDAY}
        arns = {"EndpointArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{name}"}
        return {"EndpointName": name, **arns, "EndpointStatus": "InService", **times}

    def targets(_: Asked) -> Any:
        common = {
            "ServiceNamespace": "sagemaker",
            "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
            "MinCapacity": 1,
            "MaxCapacity": 2,
            "RoleARN": "arn",
            "CreationTime": MONDAY,
        }
        return {"ScalableTargets": [{"ResourceId": name, **common} for name in sorted(state.targets | state.others)]}

    def deregister(asked: Asked) -> None:
        state.targets.discard(asked["ResourceId"])
        state.others.discard(asked["ResourceId"])

    return {
        "sagemaker DescribeEndpoint": describe,
        "sagemaker DeleteEndpoint": lambda asked: state.endpoints.discard(asked["EndpointName"]),
        "application-autoscaling DescribeScalableTargets": targets,
        "application-autoscaling DeregisterScalableTarget": deregister,
    }


def _starters(state: State) -> dict[str, Handler]:
    def running(asked: Asked) -> dict[str, str]:
        return state.deliveries if asked["pipelineName"] == "delivery" else state.pushes

    def listed(asked: Asked) -> Any:
        found = [{"pipelineExecutionId": key, "status": status} for key, status in running(asked).items()]
        return {"pipelineExecutionSummaries": found}

    def stop(asked: Asked) -> Any:
        running(asked)[asked["pipelineExecutionId"]] = "Abandoned" if asked["abandon"] else "Stopping"
        return {"pipelineExecutionId": asked["pipelineExecutionId"]}

    def machines(asked: Asked) -> Any:
        common = {"stateMachineArn": asked["stateMachineArn"], "startDate": MONDAY}
        found = [key for key, status in state.machines.items() if status == asked["statusFilter"]]
        return {"executions": [{"executionArn": key, "name": key, "status": "RUNNING", **common} for key in found]}

    def stop_machine(asked: Asked) -> Any:
        state.machines[asked["executionArn"]] = "ABORTED"
        return {"stopDate": MONDAY}

    return {
        "codepipeline ListPipelineExecutions": listed,
        "codepipeline StopPipelineExecution": stop,
        "stepfunctions ListExecutions": machines,
        "stepfunctions StopExecution": stop_machine,
        "events DescribeRule": lambda asked: {"Name": asked["Name"], "ScheduleExpression": "rate(30 days)"},
    }
