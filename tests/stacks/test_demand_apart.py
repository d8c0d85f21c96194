# SPDX-License-Identifier: MIT-0
"""What is demanded of each account and region is what is deployed into it."""

from collections import defaultdict
from typing import Any

from stacks.costs import deployment_requirements
from stacks.settings.settings_context import settings_from_context
from tests.assembly import CONNECTED
from tests.proof.sample import ACCOUNTS

SETTINGS = settings_from_context(CONNECTED | ACCOUNTS)
DEMAND = deployment_requirements.collect_requirements(SETTINGS)
PLACE = {"account": "2" * 12, "region": "us-east-1"}
HOME = (SETTINGS.build.account, SETTINGS.build.region)


def _places() -> dict[tuple[str, str], dict[str, Any]]:
    return {(each["account"], each["region"]): each for each in (DEMAND, *DEMAND["elsewhere"])}


def test_each_account_and_region_that_a_stack_goes_to_is_named_once(documents_apart: dict[str, Any]) -> None:
    deployed = {document.get("Metadata", {}).get("Environment") for document in documents_apart.values()} - {None}
    named = [f"{account}/{region}" for account, region in _places()]
    assert len(named) == 1 + len(DEMAND["elsewhere"])
    assert set(named) == deployed
    assert len(deployed) > 2


def test_each_bucket_whose_name_a_template_gives_is_named_where_it_is(documents_apart: dict[str, Any]) -> None:
    given = defaultdict(set)
    for document in documents_apart.values():
        for resource in document["Resources"].values():
            if resource["Type"] == "AWS::S3::Bucket" and "BucketName" in resource["Properties"]:
                given[document["Metadata"]["Environment"]].add(resource["Properties"]["BucketName"])
    assert {f"{account}/{region}": set(each["buckets"]) for (account, region), each in _places().items()} == given


def test_an_endpoint_counts_where_it_is_and_nowhere_else() -> None:
    stages = {stage: place for place, each in _places().items() for stage in each.get("stages", ())}
    assert set(stages) == {"staging", "production"}
    assert HOME not in stages.values()
    assert not [each for each in DEMAND["instances"] if each["usage"] == "endpoint"]
    for stage, place in stages.items():
        minimum = getattr(SETTINGS, stage).minimum
        needed = {each["needed"] for each in _places()[place]["instances"] if each["used_by"] == stage}
        assert needed == {2 * minimum}, "once more while a new model takes over"


def test_where_deliveries_only_pass_by_nothing_runs() -> None:
    passing = [each for each in DEMAND["elsewhere"] if not each["stages"]]
    assert passing
    assert all(each["instances"] == [] and each["buckets"] for each in passing)


def test_two_stages_in_one_place_share_its_quota() -> None:
    same = {f"{stage}_environment.{key}": value for stage in ("staging", "production") for key, value in PLACE.items()}
    found = deployment_requirements.collect_requirements(
        settings_from_context({"build.account": "1" * 12, "build.region": "us-east-1", **same})
    )
    (there,) = [each for each in found["elsewhere"] if each["stages"]]
    assert there["stages"] == ["staging", "production"]
    assert {each["needed"] for each in there["instances"]} == {1 + 2 + 2}
