# SPDX-License-Identifier: MIT-0
"""Resources in the words of the API that creates them, where it words them differently from CloudFormation.

Source: the type's page in the CloudFormation Template Reference beside the operation's page in the API Reference.
"""

import json
from collections.abc import Callable
from typing import Any

from tests.proof import bucket
from tests.proof.intrinsic import Resource
from tests.proof.sample import ACCOUNT

Parameters = Callable[[Resource], dict[str, Any]]


def plain(*left_out: str, **renamed: str) -> Parameters:
    """Return the properties as they are, less those that another operation sets, some under another name."""

    def parameters(resource: Resource) -> dict[str, Any]:
        given = {name: each for name, each in resource.properties.items() if name not in left_out}
        return {renamed.get(name, name): each for name, each in given.items()}

    return parameters


def named(name: str, then: Parameters) -> Parameters:
    """Return what `then` does, with the name that CloudFormation makes up where none is given."""
    return lambda resource: {name: f"sample-{resource.id}"[:60], **then(resource)}


def only(*kept: str, **renamed: str) -> Parameters:
    """Return some of the properties, some under another name."""

    def parameters(resource: Resource) -> dict[str, Any]:
        given = {name: each for name, each in resource.properties.items() if name in kept}
        return {renamed.get(name, name): each for name, each in given.items()}

    return parameters


def role_policies(resource: Resource) -> dict[str, Any]:
    """Return the policy of a role as IAM takes it."""
    return {"RoleName": "sample", **{k: v for k, v in resource.properties.items() if k.startswith("Policy")}}


def sagemaker_pipeline(resource: Resource) -> dict[str, Any]:
    """Return a SageMaker pipeline, its definition as the text that it is."""
    given = plain("PipelineDefinition")(resource)
    body = resource.properties["PipelineDefinition"].get("PipelineDefinitionBody", {})
    return {**given, "PipelineDefinition": body, "ClientRequestToken": "s" * 32}


def rule_targets(resource: Resource) -> dict[str, Any]:
    """Return the targets of a rule."""
    return {"Rule": "sample", "Targets": resource.properties.get("Targets", [])}


def permission(resource: Resource) -> dict[str, Any]:
    """Return a permission on a function."""
    return {"StatementId": "sample", **resource.properties}


def budget(resource: Resource) -> dict[str, Any]:
    """Return a budget with those whom it tells."""
    given = resource.properties
    budget = dict(given["Budget"])
    if "BudgetLimit" in budget:
        # A number in CloudFormation, a text in the API.
        budget["BudgetLimit"] = {**budget["BudgetLimit"], "Amount": str(budget["BudgetLimit"]["Amount"])}
    parameters = {"AccountId": ACCOUNT, "Budget": {"BudgetName": "sample", **budget}}
    told = {"NotificationsWithSubscribers": given.get("NotificationsWithSubscribers", [])}
    tags = {"ResourceTags": given["ResourceTags"]} if "ResourceTags" in given else {}
    return {**parameters, **told, **tags}


def endpoint(resource: Resource) -> dict[str, Any]:
    """Return an endpoint without what only an update takes."""
    left_out = ("ExcludeRetainedVariantProperties", "RetainAllVariantProperties", "RetainDeploymentConfig")
    return named("EndpointName", plain(*left_out))(resource)


def topic(resource: Resource) -> dict[str, Any]:
    """Return a topic; all but its name and tags are attributes."""
    kept = ("KmsMasterKeyId", "DisplayName")
    attributes = {name: each for name, each in resource.properties.items() if name in kept}
    return {"Name": "sample", **only("Tags")(resource), "Attributes": attributes}


def role(resource: Resource) -> dict[str, Any]:
    """Return a role without the policies that are attached to it."""
    return named("RoleName", plain("ManagedPolicyArns", "Policies"))(resource)


def delivery(resource: Resource) -> dict[str, Any]:
    """Return a CodePipeline."""
    left_out = ("RestartExecutionOnUpdate", "DisableInboundStageTransitions", "Tags")
    pipeline = {"Name": "sample", **plain(*left_out)(resource)}
    if "ArtifactStores" in pipeline:
        # A list in CloudFormation, a map by region in the API.
        pipeline["ArtifactStores"] = {each["Region"]: each["ArtifactStore"] for each in pipeline["ArtifactStores"]}
    return {"pipeline": pipeline, **only("Tags")(resource)}


def key(resource: Resource) -> dict[str, Any]:
    """Return a key; rotation and deletion are set by operations of their own."""
    given = plain("EnableKeyRotation", "RotationPeriodInDays", "PendingWindowInDays", KeyPolicy="Policy")(resource)
    tags = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in given.pop("Tags", [])]
    return {**given, "Tags": tags}


def key_deletion(resource: Resource) -> dict[str, Any]:
    """Return how long a deletion of the key waits."""
    return {"KeyId": "sample", **only("PendingWindowInDays")(resource)}


def machine(resource: Resource) -> dict[str, Any]:
    """Return a state machine."""
    renamed = {"DefinitionString": "definition", "StateMachineType": "type", "StateMachineName": "name"}
    return named("name", plain("DefinitionSubstitutions", **renamed))(resource)


def topic_policy(resource: Resource) -> dict[str, Any]:
    """Return a topic's policy."""
    text = json.dumps(resource.properties["PolicyDocument"])
    return {"TopicArn": resource.properties["Topics"][0], "AttributeName": "Policy", "AttributeValue": text}


def queue(resource: Resource) -> dict[str, Any]:
    """Return a queue; all but its name are attributes, and those are text."""
    given = {name: str(each) for name, each in plain("Tags", "QueueName")(resource).items()}
    return {"QueueName": "sample", "Attributes": given}


def queue_policy(resource: Resource) -> dict[str, Any]:
    """Return a queue's policy."""
    text = json.dumps(resource.properties["PolicyDocument"])
    return {"QueueUrl": resource.properties["Queues"][0], "Attributes": {"Policy": text}}


def bucket_setting(name: str) -> Parameters:
    """Return what sets one thing of a bucket, by the name of the operation."""
    return lambda resource: bucket.SETTINGS[name](resource.properties)


def scaling(resource: Resource) -> dict[str, Any]:
    """Return a scaling policy; its target is named by three parameters in the API."""
    target = {"ServiceNamespace": "sagemaker", "ResourceId": "endpoint/sample/variant/sample"}
    dimension = {"ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}
    return {**target, **dimension, **plain("ScalingTargetId")(resource)}
