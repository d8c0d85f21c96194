# SPDX-License-Identifier: MIT-0
"""`make destroy` leaves the data and nothing that runs, in an order that gets stuck nowhere; with DATA=1 nothing stays.

The last file by its name, for nothing is left after.
"""

from typing import Any, Final

from tests.emulator.conftest import PLACES, Cloud
from tests.emulator.teardown import Teardown
from tests.proof.sample import ACCOUNTS, HERE, PRODUCTION, STAGING, Place

_SITES: Final = {"staging": Place(*STAGING), "production": Place(*PRODUCTION)}


def running(cloud: Cloud, place: Place = HERE) -> dict[str, Any]:
    """Return what of the deployment is there that costs or acts: stacks, functions, rules, state machines."""
    client = cloud.emulator.client
    stacks = [each["StackName"] for each in client("cloudformation", place).describe_stacks()["Stacks"]]
    return {
        "stacks": {each for each in stacks if each.startswith("skin-lesion")},
        "functions": client("lambda", place).list_functions()["Functions"],
        "rules": client("events", place).list_rules()["Rules"],
        "machines": client("stepfunctions", place).list_state_machines()["stateMachines"],
    }


def only(*stacks: str) -> dict[str, Any]:
    """Return what `running` says of these stacks."""
    return {"stacks": {f"skin-lesion-{each}" for each in stacks}, "functions": [], "rules": [], "machines": []}


def buckets(cloud: Cloud, place: Place = HERE) -> set[str]:
    """Return the names of the account's buckets but the CDK's own."""
    found = cloud.emulator.client("s3", place).list_buckets()["Buckets"]
    return {each["Name"] for each in found if not each["Name"].startswith("cdk-")}


def fill(cloud: Cloud, place: Place = HERE) -> None:
    """Put an object into each bucket: one that is not empty is deleted by nobody but who empties it first."""
    for name in buckets(cloud, place):
        cloud.emulator.client("s3", place).put_object(Bucket=name, Key="kept", Body=b"x")


def test_without_the_data_the_storage_stack_alone_stays(cloud: Cloud) -> None:
    kept = {cloud.one("storage", name) for name in ("Raw", "Runs", "AccessLogs", "Artifacts")}
    key = cloud.one("storage", "Key")
    teardown = Teardown(cloud, dict.fromkeys(PLACES, HERE))
    teardown.run(data=False)
    assert teardown.order == [["Monitoring", "Deployment", "Retraining", "Training"]]
    assert running(cloud) == only("storage")
    assert kept <= buckets(cloud)
    assert cloud.emulator.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"


def test_with_the_data_nothing_stays(cloud: Cloud) -> None:
    """After the test before it, so that the command goes on from where it ended."""
    made = {cloud.one("storage", name) for name in ("Raw", "Runs", "AccessLogs", "Artifacts")}
    key = cloud.one("storage", "Key")
    fill(cloud)
    Teardown(cloud, dict.fromkeys(PLACES, HERE)).run(data=True)
    assert running(cloud) == only()
    assert made & buckets(cloud) == set()
    assert cloud.emulator.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"


def test_across_accounts_relays_and_sites_stay_with_the_data(apart_cloud: Cloud) -> None:
    for place in {*PLACES.values()}:
        fill(apart_cloud, place)
    teardown = Teardown(apart_cloud, PLACES, ACCOUNTS)
    teardown.run(data=False, **_SITES)
    assert teardown.order == [["Monitoring", "Deployment", "Retraining", "Training"]]
    assert running(apart_cloud) == only("storage")
    assert running(apart_cloud, Place(HERE.account, PRODUCTION[1])) == only("relay-eu-central-1")
    for stage, place in _SITES.items():
        assert running(apart_cloud, place) == only(f"{stage}-site")
        assert f"skin-lesion-{stage}-{place.account}-{place.region}" in buckets(apart_cloud, place)


def test_across_accounts_nothing_stays_with_data(apart_cloud: Cloud) -> None:
    """Sites go before the storage stack: replication leads to a bucket of that.

    Nothing but the settings names the sites any more, since the deployment stack is gone.
    """
    teardown = Teardown(apart_cloud, PLACES, ACCOUNTS)
    teardown.run(data=True, **_SITES)
    (order,) = teardown.order
    assert order[-1] == "Storage"
    assert set(order[:-1]) == {"ProductionSite", "StagingSite", "Relay-eu-central-1"}
    for place in {HERE, *PLACES.values()}:
        assert running(apart_cloud, place) == only()
        assert {each for each in buckets(apart_cloud, place) if each.startswith("skin-lesion")} == set()
