# SPDX-License-Identifier: MIT-0
"""Destroying the stacks leaves the data and nothing that runs. The last file by its name, for nothing is left after."""

from tests.emulator.conftest import Cloud


def test_destroying_all_keeps_the_data_and_leaves_nothing_that_runs(cloud: Cloud) -> None:
    buckets = {name: cloud.one("storage", name) for name in ("Raw", "Runs", "AccessLogs", "Artifacts")}
    key = cloud.one("storage", "Key")
    cloud.cdk("destroy", "--all", "--force", assembly=cloud.assembly)
    client = cloud.emulator.client
    stacks = {each["StackName"] for each in client("cloudformation").describe_stacks()["Stacks"]}
    assert {each for each in stacks if each.startswith("skin-lesion")} == set()
    assert set(buckets.values()) <= {each["Name"] for each in client("s3").list_buckets()["Buckets"]}
    assert client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"
    assert client("lambda").list_functions()["Functions"] == []
    assert client("events").list_rules()["Rules"] == []
    assert client("stepfunctions").list_state_machines()["stateMachines"] == []
