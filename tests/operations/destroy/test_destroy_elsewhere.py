# SPDX-License-Identifier: MIT-0
"""`destroy` of a deployment whose production is in another account and region: nothing is forgotten, nothing stuck."""

import io
from collections.abc import Sequence

import pytest
from rich.console import Console

from operations.account.deployment_account import DeliveryStage
from operations.destroy import destroy_command
from operations.functions.errors import AccountError
from tests.operations.abroad import PRODUCTION, PROFILE, REGION, RELAY, SITE, THERE, World
from tests.operations.destroy.test_destroy import assert_nothing_is_left, assert_only_data_is_left

PLANNED = (DeliveryStage(PRODUCTION, PRODUCTION, "Production", THERE, REGION),)


@pytest.fixture
def world() -> World:
    return World()


def destroy(
    world: World,
    *,
    data: bool = False,
    profile: str = PROFILE,
    planned: Sequence[DeliveryStage] = PLANNED,
    answer: str = "",
) -> str:
    """Run the command and return what it printed."""
    console = Console(record=True, width=400, file=io.StringIO())
    destroy_command.destroy_deployment(
        world.account(**({"production": profile} if profile else {})),
        console,
        cdk=world.cdk,
        context=("name=skin-lesion",),
        data=data,
        ask=(lambda _question: answer) if answer else None,
        planned=lambda: planned,
    )
    return console.export_text()


def assert_gone(world: World, *, data: bool) -> None:
    (assert_nothing_is_left if data else assert_only_data_is_left)(world.home.state)
    there, relay = world.there.state, world.relay.state
    assert there.endpoints == set()
    if data:
        assert (there.stacks, there.kept) == ({}, set())
        assert (relay.stacks, relay.kept) == ({}, set())
    else:
        assert (set(there.stacks), there.kept) == ({SITE}, {"site", "site-key"})
        assert (set(relay.stacks), relay.kept) == ({RELAY}, {"relay", "relay-key"})
        assert (there.objects, relay.objects) == ({"site": 3}, {"relay": 2}), "what is kept was emptied"


@pytest.mark.parametrize("data", [False, True])
def test_what_costs_goes_in_every_account_and_the_data_with_its_stack_only_if_asked(world: World, data: bool) -> None:  # noqa: FBT001  a parameter of pytest's
    destroy(world, data=data)
    assert_gone(world, data=data)


def test_the_endpoint_goes_before_the_role_that_deletes_it_and_the_site_before_the_storage(world: World) -> None:
    destroy(world, data=True)
    stacks = [line for line in world.log if line.startswith(("cdk", "cloudformation Delete"))]
    assert [line.split()[1] for line in stacks[:2]] == ["DeleteStack", "DeleteStack"]
    assert stacks[2:] == [
        "cdk destroy Monitoring Deployment Retraining Training",
        "cdk destroy ProductionSite Relay-eu-west-1 Storage",
    ]


def test_the_list_says_what_is_where(world: World) -> None:
    goes, _, stays = destroy(world).partition("Will be kept:")
    place = f"account {THERE}, {REGION}"
    assert f"{PRODUCTION} ({place}) (UPDATE_COMPLETE)" in goes
    assert SITE not in goes
    assert RELAY not in goes
    assert f"{SITE} (UPDATE_COMPLETE; {place}): AWS::S3::Bucket site, AWS::KMS::Key site-key; make destroy" in stays
    assert f"{RELAY} (UPDATE_COMPLETE; {REGION}): AWS::S3::Bucket relay, AWS::KMS::Key relay-key; make" in stays
    assert "skin-lesion-staging (account" not in goes


def test_what_is_left_elsewhere_is_listed_with_region_and_profile(world: World) -> None:
    left = destroy(world).rpartition("Left, with the command that deletes each:")[2]
    options = f"--region {REGION} --profile {PROFILE}"
    assert f"--resource-id endpoint/{PRODUCTION}/variant/All {options}" in left
    assert f"aws sagemaker delete-model --model-name model-1 {options}" in left
    assert "aws sagemaker delete-model --model-name model-1 --region us-east-1\n" in left


def test_without_credentials_for_the_other_account_nothing_is_deleted_and_the_option_is_named(world: World) -> None:
    with pytest.raises(AccountError) as caught:
        destroy(world, profile="")
    told = str(caught.value)
    assert world.log == []
    assert told.startswith(f"stage production: is in account {THERE}, {REGION}; these credentials are of another.")
    for remedy in ("PRODUCTION_PROFILE=NAME", "--production-profile NAME"):
        assert remedy in told


def test_a_profile_of_another_account_is_refused_before_anything_is_deleted(world: World) -> None:
    world.there.state.account = "333333333333"
    with pytest.raises(AccountError, match="profile 'the-hospital' is of another account"):
        destroy(world)
    assert world.log == []


def test_the_profile_of_the_other_stage_serves_where_it_leads_to_the_same_account(world: World) -> None:
    account = world.account(staging=PROFILE)
    console = Console(file=io.StringIO())
    destroy_command.destroy_deployment(account, console, cdk=world.cdk, context=(), data=False, ask=None)
    assert_gone(world, data=False)


@pytest.mark.parametrize("data", [False, True])
def test_interrupted_after_any_change_it_goes_on_in_every_account(data: bool) -> None:  # noqa: FBT001  likewise
    """Once the deployment stack is gone, the settings say what is elsewhere."""
    number, whole = 0, False
    while not whole:
        number += 1
        world = World()
        world.crash(number)
        try:
            destroy(world, data=data)
            whole = True
        except KeyboardInterrupt:
            world.crash(0)
            destroy(world, data=data)
        assert_gone(world, data=data)
    assert number > 10, "the loop has to have interrupted something"


@pytest.mark.parametrize("data", [False, True])
def test_again_it_says_that_nothing_is_there(world: World, data: bool) -> None:  # noqa: FBT001  likewise
    destroy(world, data=data)
    changes = len(world.log)
    text = destroy(world, data=data, answer="no")
    assert "nothing to delete" in text
    assert (SITE in text) is not data
    assert len(world.log) == changes


def test_where_the_deployment_stack_is_there_the_settings_are_not_asked(world: World) -> None:
    destroy(world, planned=(DeliveryStage("other", "other", "Production", "333333333333", REGION),))
    assert_gone(world, data=False)
