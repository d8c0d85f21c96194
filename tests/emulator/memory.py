# SPDX-License-Identifier: MIT-0
"""What CloudFormation remembers of a deleted stack, from what the emulator remembers: its events.

AWS lists when a stack was deleted and, by its id, the resources that outlived it as DELETE_SKIPPED. The emulator tells
of both in the stack's events alone, so that a client is given them from there.
"""

from typing import Any


def remembering(client: Any) -> Any:
    """Return a client of CloudFormation that answers about deleted stacks as AWS does."""
    asked: dict[str, str] = {}

    def ask(params: dict[str, Any], **_: Any) -> None:
        asked["stack"] = str(params.get("StackName", ""))

    def stacks(parsed: dict[str, Any], **_: Any) -> None:
        for each in parsed["StackSummaries"]:
            each.setdefault("DeletionTime", each.get("LastUpdatedTime", each["CreationTime"]))

    def resources(parsed: dict[str, Any], **_: Any) -> None:
        # By its id alone a deleted stack is found.
        if asked["stack"].startswith("arn:"):
            parsed["StackResourceSummaries"] += _skipped(client, asked["stack"])

    events = client.meta.events
    events.register("before-parameter-build.cloudformation.ListStackResources", ask)
    events.register("after-call.cloudformation.ListStacks", stacks)
    events.register("after-call.cloudformation.ListStackResources", resources)
    return client


def _skipped(client: Any, stack: str) -> list[dict[str, Any]]:
    """Return the resources whose deletion was skipped, in the words of ListStackResources."""
    kept = ("LogicalResourceId", "PhysicalResourceId", "ResourceType", "ResourceStatus")
    return [
        {key: each[key] for key in kept}
        for each in client.describe_stack_events(StackName=stack)["StackEvents"]
        if each.get("ResourceStatus") == "DELETE_SKIPPED"
    ]
