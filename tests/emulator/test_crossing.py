# SPDX-License-Identifier: MIT-0
"""What crosses between accounts, tried out in three of them: what tests/proof/crossing.py expects, and nothing else.

The emulator looks at both sides where a role is assumed and where an object of another account's bucket is asked for.
It knows no key of another account and replicates nothing; of a bucket's caller from another account it knows the
account alone. That much tests/proof/account.py proves from the policies.
"""

import itertools
from dataclasses import dataclass
from typing import Final

import pytest

from tests.emulator.conftest import Cloud
from tests.emulator.identity import Identity, assume, credentials
from tests.proof.account import deployment
from tests.proof.crossing import crossings
from tests.proof.intrinsic import Documents, resources
from tests.proof.sample import HERE, PRODUCTION, STAGING, Place
from tests.proof.simulation import Request

_SITES: Final = {"staging": Place(*STAGING), "production": Place(*PRODUCTION)}
# Roles of build's account by which something crosses, and one that nothing is allowed to.
CALLERS: Final = ("delivery", "publish", "smoke", "promote", "build", "release")
ROLES: Final = ("deliver", "deployer", "model", "access", "images", "replicate")
ENTERED: Final = [
    f"{stage}-{role}" for stage, role in itertools.product(_SITES, ROLES) if (stage, role) != ("staging", "replicate")
]
_MODEL: Final = "models/7/model.tar.gz"
_TEMPLATE: Final = "skin-lesion-delivery/Templates/1.zip"


@dataclass(frozen=True)
class World:
    """The three accounts, as the roles see them that cross.

    Attributes:
        cloud: What is deployed.
        callers: Roles of build's account.
        expected: What may cross.
    """

    cloud: Cloud
    callers: dict[str, Identity]
    expected: list[Request]

    def expects(self, caller: str, action: str, resource: str) -> bool:
        """Return whether `caller` is expected to do that."""
        named = "PushBuildRole".lower() if caller == "build" else f"skin-lesion-{caller}"
        return any(named in each.role and each.action == action and each.resource == resource for each in self.expected)


@pytest.fixture(scope="module")
def world(apart_cloud: Cloud, documents_apart: Documents) -> World:
    names = {each: f"skin-lesion-{each}" for each in CALLERS}
    names["build"] = apart_cloud.one("retraining", "PushBuildRole")
    names["release"] = apart_cloud.one("deployment", "ApprovalReleaseFunctionRole")
    callers = {each: assume(apart_cloud.emulator, name) for each, name in names.items()}
    return World(apart_cloud, callers, crossings(deployment(resources(documents_apart))))


def role_arn(entered: str) -> str:
    """Return the ARN of a stage's role, such as staging-deliver."""
    return f"arn:aws:iam::{_SITES[entered.partition('-')[0]].account}:role/skin-lesion-{entered}"


def bucket(stage: str) -> str:
    """Return the name of a stage's bucket."""
    return f"skin-lesion-{stage}-{_SITES[stage].account}-{_SITES[stage].region}"


@pytest.mark.parametrize("entered", ENTERED)
@pytest.mark.parametrize("caller", CALLERS)
def test_a_role_of_another_account_is_assumed_by_whom_it_is_for_and_by_nobody_else(
    caller: str, entered: str, world: World
) -> None:
    arn = role_arn(entered)
    assumed = world.callers[caller].may("sts", "assume_role", RoleArn=arn, RoleSessionName="test")
    assert assumed is world.expects(caller, "sts:AssumeRole", arn)


@pytest.mark.parametrize("stage", _SITES)
@pytest.mark.parametrize("caller", CALLERS)
def test_models_are_put_by_the_publisher_and_nothing_else_is_put_or_read(caller: str, stage: str, world: World) -> None:
    who, where = world.callers[caller], bucket(stage)
    put = who.may("s3", "put_object", Bucket=where, Key=_MODEL, Body=b"x")
    assert put is world.expects(caller, "s3:PutObject", f"arn:aws:s3:::{where}/{_MODEL}")
    assert not who.may("s3", "put_object", Bucket=where, Key=f"capture/{stage}/1.jsonl", Body=b"x")
    assert not who.may("s3", "get_object", Bucket=where, Key=_MODEL)
    assert not who.may("s3", "delete_object", Bucket=where, Key=_MODEL)


@pytest.mark.parametrize("stage", _SITES)
def test_the_deliverer_reads_the_delivery_and_no_other_object_of_the_build_account(stage: str, world: World) -> None:
    emulator, site = world.cloud.emulator, _SITES[stage]
    store = f"skin-lesion-artifacts-{HERE.account}-{site.region}"
    relay = Place(HERE.account, site.region)
    for key in (_TEMPLATE, "skin-lesion-source/Pushed/1.zip"):
        emulator.client("s3", relay).put_object(Bucket=store, Key=key, Body=b"x")
    sts = emulator.client("sts", **world.callers["delivery"].credentials)
    given = sts.assume_role(RoleArn=role_arn(f"{stage}-deliver"), RoleSessionName="test")["Credentials"]
    who = Identity(emulator, credentials(given), place=site)
    assert who.may("s3", "get_object", Bucket=store, Key=_TEMPLATE)
    assert not who.may("s3", "get_object", Bucket=store, Key="skin-lesion-source/Pushed/1.zip")
    assert not who.may("s3", "put_object", Bucket=store, Key=_TEMPLATE, Body=b"x")
    assert not who.may("s3", "get_object", Bucket=bucket(stage), Key=_MODEL)


@pytest.mark.parametrize("stage", _SITES)
def test_the_model_reads_models_and_writes_captures_of_its_own_bucket_alone(stage: str, world: World) -> None:
    emulator, site = world.cloud.emulator, _SITES[stage]
    emulator.client("s3", site).put_object(Bucket=bucket(stage), Key=_MODEL, Body=b"x")
    who = assume(emulator, f"skin-lesion-{stage}-model", site)
    assert who.may("s3", "get_object", Bucket=bucket(stage), Key=_MODEL)
    assert who.may("s3", "put_object", Bucket=bucket(stage), Key=f"capture/{stage}/1.jsonl", Body=b"x")
    assert not who.may("s3", "put_object", Bucket=bucket(stage), Key=_MODEL, Body=b"x")
    other = next(each for each in _SITES if each != stage)
    assert not who.may("s3", "get_object", Bucket=bucket(other), Key=_MODEL)
