# SPDX-License-Identifier: MIT-0
"""A stage can be sent elsewhere and come home: no stack is refused for what another, not yet deployed, still imports.

CloudFormation neither changes nor takes away an export that a stack imports, and the stack that exports is deployed
first. Source: CloudFormation User Guide, "Get exported outputs from a deployed CloudFormation stack".
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.assembly import Assembled, templates_in
from tests.proof.sample import ACCOUNTS
from tests.stacks.test_home import BUILD

_IMPORT = re.compile(r'"Fn::ImportValue": "([^"]+)"')
# What CloudFormation makes anew when it is changed, so that what is exported of it changes with it.
_FIXED = ("BucketName", "FunctionName", "TopicName")


@pytest.fixture(scope="module")
def home(assembled: Assembled) -> Path:
    """With no source connected: the pipeline of pushes would have exports kept that nothing else keeps."""
    return assembled(BUILD)


@pytest.fixture(scope="module")
def away(assembled: Assembled) -> Path:
    return assembled(ACCOUNTS)


def imported(folder: Path) -> set[str]:
    """Return the names of what stacks import in an assembly."""
    return {name for path in folder.glob("*.template.json") for name in _IMPORT.findall(path.read_text())}


def exported(folder: Path) -> dict[str, Any]:
    """Return what stacks export in an assembly: the value, and what of the thing makes it another one."""
    return dict(pair for document in templates_in(folder).values() for pair in _exported(document))


def _exported(document: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for output in document.get("Outputs", {}).values():
        if "Export" in output:
            value = output["Value"]
            id_ = value.get("Ref") or value["Fn::GetAtt"][0]
            properties = document["Resources"][id_].get("Properties", {})
            yield output["Export"]["Name"], (value, [properties.get(each) for each in _FIXED])


def test_a_move_changes_and_removes_nothing_that_is_still_imported(home: Path, away: Path) -> None:
    for before, after in ((home, away), (away, home)):
        old, new, needed = exported(before), exported(after), imported(before)
        assert needed <= old.keys()
        assert {name for name in needed if new.get(name) != old[name]} == set()


def test_a_bucket_whose_name_is_given_goes_with_the_deployment_that_could_not_make_the_rest(away: Path) -> None:
    """It would keep the next attempt from making it; one without a name is only left over."""
    found = [each for document in templates_in(away).values() for each in document["Resources"].values()]
    buckets = [each for each in found if each["Type"] == "AWS::S3::Bucket"]
    policies = {("BucketName" in each["Properties"], each["DeletionPolicy"]) for each in buckets}
    assert policies == {(True, "RetainExceptOnCreate"), (False, "Retain")}
    assert {each["UpdateReplacePolicy"] for each in buckets} == {"Retain"}
