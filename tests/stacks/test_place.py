# SPDX-License-Identifier: MIT-0
"""Where a stage is, and names that both sides can say: they fit, they differ, they follow from the settings alone."""

from dataclasses import replace
from itertools import product

import pytest

from stacks import place
from stacks.algorithm import REGISTRIES
from stacks.consistency import checked
from stacks.override import settings_from
from stacks.settings import Environment, Settings
from tests.proof.sample import ACCOUNT, ACCOUNTS, PRODUCTION, REGION, STAGING

APART = checked(settings_from(ACCOUNTS))
BUILD = Environment(account=ACCOUNT, region=REGION)
OTHERS = (Environment(account=STAGING[0], region=REGION), Environment(account=ACCOUNT, region=PRODUCTION[1]))


def spread(staging: Environment, production: Environment) -> Settings:
    return Settings(build=BUILD, staging_environment=staging, production_environment=production)


@pytest.mark.parametrize("where", [Environment(), BUILD])
def test_a_stage_is_at_home_where_nothing_is_said_and_where_build_is_said_again(where: Environment) -> None:
    settings = spread(where, where)
    assert place.at_home(settings) == place.STAGES
    assert (place.apart(settings), place.relays(settings), place.places(settings)) == ({}, (), [])


@pytest.mark.parametrize("where", OTHERS)
def test_another_account_or_another_region_is_elsewhere_for_that_stage_alone(where: Environment) -> None:
    settings = spread(Environment(), where)
    assert place.apart(settings) == {"production": where}
    assert place.at_home(settings) == ("staging",)


def test_a_region_is_relayed_once_and_builds_own_is_not() -> None:
    far = Environment(account=STAGING[0], region=PRODUCTION[1])
    assert place.relays(spread(far, OTHERS[1])) == (PRODUCTION[1],)
    assert place.relays(spread(OTHERS[0], OTHERS[0])) == ()


def test_stacks_stand_in_each_place_once() -> None:
    assert place.places(spread(OTHERS[1], OTHERS[1])) == [OTHERS[1]]
    assert place.places(APART) == [
        Environment(account=STAGING[0], region=REGION),
        Environment(account=PRODUCTION[0], region=PRODUCTION[1]),
        Environment(account=ACCOUNT, region=PRODUCTION[1]),
    ]


def test_each_account_but_builds_has_one_that_looks_after_the_bill() -> None:
    shared = spread(OTHERS[0], replace(OTHERS[0], region=PRODUCTION[1]))
    assert [place.bills(shared, stage) for stage in place.STAGES] == [True, False]
    assert not place.bills(spread(Environment(), OTHERS[1]), "production")


def test_names_fit_the_longest_settings() -> None:
    """63 letters for a bucket, 64 for a role: S3 User Guide, "Bucket naming rules"; IAM User Guide, "IAM quotas"."""
    for region in REGISTRIES:
        far = Environment(account=STAGING[0], region=region)
        settings = replace(spread(far, far), name="a" * 20)
        buckets = [place.site_bucket(settings, stage) for stage in place.STAGES]
        assert (
            max(map(len, [*buckets, place.captures_bucket(settings), place.artifacts_bucket(settings, region)])) <= 63
        )
    purposes = ("deliver", "deployer", "model", "access", "replicate")
    assert max(len(place.role(settings, *each)) for each in product(purposes, place.STAGES)) <= 64


def test_no_two_things_have_the_same_name() -> None:
    """Also where both stages are in build's account, in another region."""
    settings = spread(OTHERS[1], OTHERS[1])
    stages = [(purpose, stage) for purpose in ("deliver", "deployer", "model") for stage in place.STAGES]
    roles = [
        *(place.role(settings, *each) for each in stages),
        *(place.role(settings, each) for each in ("delivery", "publish")),
    ]
    buckets = [place.site_bucket(settings, stage) for stage in place.STAGES]
    buckets += [place.artifacts_bucket(settings, region) for region in (REGION, PRODUCTION[1])]
    aliases = [place.alias(settings), *(place.alias(settings, stage) for stage in place.STAGES)]
    for names in (roles, [*buckets, place.captures_bucket(settings)], aliases):
        assert len(set(names)) == len(names)
