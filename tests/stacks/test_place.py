# SPDX-License-Identifier: MIT-0
"""Where a stage is, and names that both sides can say: they fit, they differ, they follow from the settings alone."""

from dataclasses import replace
from itertools import product

import pytest

from stacks.settings import stage_placement
from stacks.settings.deployment_settings import AwsEnvironment, Settings
from stacks.settings.region_support import KNOWN_REGIONS
from stacks.settings.settings_context import settings_from_context
from stacks.settings.settings_validation import validate_settings
from tests.proof.sample import ACCOUNT, ACCOUNTS, PRODUCTION, REGION, STAGING

APART = validate_settings(settings_from_context(ACCOUNTS))
BUILD = AwsEnvironment(account=ACCOUNT, region=REGION)
OTHERS = (AwsEnvironment(account=STAGING[0], region=REGION), AwsEnvironment(account=ACCOUNT, region=PRODUCTION[1]))


def spread(staging: AwsEnvironment, production: AwsEnvironment) -> Settings:
    return Settings(build=BUILD, staging_environment=staging, production_environment=production)


@pytest.mark.parametrize("where", [AwsEnvironment(), BUILD])
def test_a_stage_is_at_home_where_nothing_is_said_and_where_build_is_said_again(where: AwsEnvironment) -> None:
    settings = spread(where, where)
    assert stage_placement.home_stages(settings) == stage_placement.STAGES
    assert (
        stage_placement.remote_stages(settings),
        stage_placement.remote_regions(settings),
        stage_placement.remote_environments(settings),
    ) == ({}, (), [])


@pytest.mark.parametrize("where", OTHERS)
def test_another_account_or_another_region_is_elsewhere_for_that_stage_alone(where: AwsEnvironment) -> None:
    settings = spread(AwsEnvironment(), where)
    assert stage_placement.remote_stages(settings) == {"production": where}
    assert stage_placement.home_stages(settings) == ("staging",)


def test_a_region_is_relayed_once_and_builds_own_is_not() -> None:
    far = AwsEnvironment(account=STAGING[0], region=PRODUCTION[1])
    assert stage_placement.remote_regions(spread(far, OTHERS[1])) == (PRODUCTION[1],)
    assert stage_placement.remote_regions(spread(OTHERS[0], OTHERS[0])) == ()


def test_stacks_stand_in_each_place_once() -> None:
    assert stage_placement.remote_environments(spread(OTHERS[1], OTHERS[1])) == [OTHERS[1]]
    assert stage_placement.remote_environments(APART) == [
        AwsEnvironment(account=STAGING[0], region=REGION),
        AwsEnvironment(account=PRODUCTION[0], region=PRODUCTION[1]),
        AwsEnvironment(account=ACCOUNT, region=PRODUCTION[1]),
    ]


def test_each_account_but_builds_has_one_that_looks_after_the_bill() -> None:
    shared = spread(OTHERS[0], replace(OTHERS[0], region=PRODUCTION[1]))
    assert [stage_placement.has_own_budget(shared, stage) for stage in stage_placement.STAGES] == [True, False]
    assert not stage_placement.has_own_budget(spread(AwsEnvironment(), OTHERS[1]), "production")


def test_names_fit_the_longest_settings() -> None:
    """63 letters for a bucket, 64 for a role: S3 User Guide, "Bucket naming rules"; IAM User Guide, "IAM quotas"."""
    for region in KNOWN_REGIONS:
        far = AwsEnvironment(account=STAGING[0], region=region)
        settings = replace(spread(far, far), name="a" * 20)
        buckets = [stage_placement.stage_bucket_name(settings, stage) for stage in stage_placement.STAGES]
        assert (
            max(
                map(
                    len,
                    [
                        *buckets,
                        stage_placement.captures_bucket_name(settings),
                        stage_placement.artifacts_bucket_name(settings, region),
                    ],
                )
            )
            <= 63
        )
    purposes = ("deliver", "deployer", "model", "access", "images", "replicate")
    assert (
        max(len(stage_placement.role_name(settings, *each)) for each in product(purposes, stage_placement.STAGES)) <= 64
    )


def test_no_two_things_have_the_same_name() -> None:
    """Also where both stages are in build's account, in another region."""
    settings = spread(OTHERS[1], OTHERS[1])
    purposes = ("deliver", "deployer", "model", "access", "images")
    stages = [(purpose, stage) for purpose in purposes for stage in stage_placement.STAGES]
    roles = [
        *(stage_placement.role_name(settings, *each) for each in stages),
        *(stage_placement.role_name(settings, each) for each in ("delivery", "publish")),
    ]
    buckets = [stage_placement.stage_bucket_name(settings, stage) for stage in stage_placement.STAGES]
    buckets += [stage_placement.artifacts_bucket_name(settings, region) for region in (REGION, PRODUCTION[1])]
    aliases = [
        stage_placement.key_alias(settings),
        *(stage_placement.key_alias(settings, stage) for stage in stage_placement.STAGES),
    ]
    for names in (roles, [*buckets, stage_placement.captures_bucket_name(settings)], aliases):
        assert len(set(names)) == len(names)
