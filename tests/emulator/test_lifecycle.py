# SPDX-License-Identifier: MIT-0
"""Deploy, compare, update: with the pinned command line, against the emulator. test_removal.py comes last."""

from pathlib import Path

from pipeline_src import contract
from tests.assembly import CONNECTED, synthesized
from tests.emulator.conftest import Cloud
from tests.emulator.supported import LEFT_OUT, supported
from tests.proof.sample import ACCOUNT, REGION

PARTS = ("storage", "training", "retraining", "deployment", "monitoring")


def test_all_is_deployed_but_the_types_that_the_emulator_does_not_know(cloud: Cloud) -> None:
    print(f"\nnot deployed to the emulator: {', '.join(cloud.left_out)}")  # noqa: T201 - pytest shows it with -s
    assert all(each.split()[1].startswith(LEFT_OUT) for each in cloud.left_out)
    client = cloud.emulator.client("cloudformation")
    stacks = {each["StackName"]: each["StackStatus"] for each in client.describe_stacks()["Stacks"]}
    assert {stacks[f"skin-lesion-{part}"] for part in PARTS} == {"CREATE_COMPLETE"}


def test_the_object_that_says_that_there_is_no_champion_is_there_before_anything_has_run(cloud: Cloud) -> None:
    (file,) = cloud.assembly.glob("asset.*.json")
    place = {"Bucket": f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}", "Key": file.name.removeprefix("asset.")}
    found = cloud.emulator.client("s3").get_object(**place)["Body"].read()
    assert found.decode() == contract.ABSENT_OBJECT


def test_a_second_look_finds_no_difference(cloud: Cloud) -> None:
    """`cdk diff --fail` ends with an error if there is any."""
    cloud.cdk("diff", "--fail", assembly=cloud.assembly)


def test_a_changed_setting_is_a_difference_and_an_update_that_keeps_the_data(cloud: Cloud, tmp_path: Path) -> None:
    context = {**CONNECTED, "retention.log_days": "30"}
    changed, _ = supported(synthesized(tmp_path / "synthesized", context), tmp_path / "assembly")
    s3, runs = cloud.emulator.client("s3"), cloud.one("storage", "Runs")
    s3.put_object(Bucket=runs, Key="runs/kept", Body=b"x")
    assert "skin-lesion-storage" in cloud.cdk("diff", "--fail", assembly=changed, succeeds=False)
    cloud.cdk.deploy(changed)
    groups = cloud.emulator.client("logs").describe_log_groups()["logGroups"]
    assert {each["retentionInDays"] for each in groups if "skin-lesion" in each["logGroupName"]} == {30}
    assert s3.get_object(Bucket=runs, Key="runs/kept")["Body"].read() == b"x"
