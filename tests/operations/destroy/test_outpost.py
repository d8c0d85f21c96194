# SPDX-License-Identifier: MIT-0
"""What `destroy` looks for elsewhere is what the application deploys there, and it knows how what outlives it goes."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from operations.account.deployment_account import Account, LocatedStage, stages_of_outputs
from operations.destroy import deployment_inventory, retained_data
from tests.operations.state import NAME, arn


@dataclass(frozen=True)
class Meta:
    """What is used of a client's own."""

    region_name: str


class Everything:
    """A CloudFormation that has every stack that it is asked for."""

    def __init__(self, region: str) -> None:
        self.meta = Meta(region)

    def describe_stacks(self, *, StackName: str) -> Any:  # noqa: N803  the service's own
        return {"Stacks": [{"StackName": StackName, "StackId": arn(StackName), "StackStatus": "UPDATE_COMPLETE"}]}

    def get_paginator(self, _operation: str) -> Any:
        return self

    def paginate(self, *, StackName: str) -> Any:  # noqa: N803  likewise
        del StackName
        return iter([{"StackResourceSummaries": []}])


def account(region: str) -> Account:
    there = {"cloudformation": Everything(region)}
    return Account(NAME, there.__getitem__, connect=lambda _profile, region: account(region).client)


def _stacks(assembly: Path) -> dict[str, dict[str, Any]]:
    """Each stack of the manifest by its id."""
    artifacts = json.loads((assembly / "manifest.json").read_text())["artifacts"]
    return {name: each for name, each in artifacts.items() if each["type"] == "aws:cloudformation:stack"}


def _found(assembly: Path, documents: dict[str, Any]) -> list[deployment_inventory.ApplicationStack]:
    outputs = {key: each["Value"] for key, each in documents["Deployment"]["Outputs"].items()}
    home = account(_stacks(assembly)["Deployment"]["environment"].rpartition("/")[2])
    located = [LocatedStage(one, account(one.region)) for one in stages_of_outputs(outputs)]
    return list(deployment_inventory.find_remote_stacks(home, located))


def test_each_stack_elsewhere_is_found_by_the_outputs_under_its_id_and_its_name(
    apart: Path, documents_apart: dict[str, Any]
) -> None:
    stacks = _stacks(apart)
    home = stacks["Deployment"]["environment"]
    deployed = {id_: each for id_, each in stacks.items() if each["environment"] != home and id_[0].isupper()}
    found = {one.id: one.name for one in _found(apart, documents_apart)}
    assert found == {id_: each["properties"]["stackName"] for id_, each in deployed.items()}
    assert len(found) > 2


def test_whatever_outlives_a_stack_elsewhere_is_of_a_kind_that_destroy_deletes(
    apart: Path, documents_apart: dict[str, Any]
) -> None:
    for one in _found(apart, documents_apart):
        resources = documents_apart[one.id]["Resources"].values()
        kept = {each["Type"] for each in resources if each.get("DeletionPolicy", "").startswith("Retain")}
        assert {"AWS::S3::Bucket", "AWS::KMS::Key"} <= kept <= retained_data._DATA_KINDS.keys()
