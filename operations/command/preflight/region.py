# SPDX-License-Identifier: MIT-0
"""The region: whether one is chosen, whether it is that of the settings, and whether it has what is deployed."""

from collections.abc import Iterator, Sequence

from botocore.exceptions import InvalidRegionError, NoRegionError, ProfileNotFound

from operations.command import refusal
from operations.command.account import Account
from operations.command.preflight.demand import Demand, ResourceType
from operations.command.preflight.finding import Finding, Verdict


def chosen(account: Account, demand: Demand) -> Finding:
    """Return how it stands with the region; unless that is ok, nothing of AWS can be asked there."""
    wanted = demand.region or "us-east-1"
    try:
        region = account.region
    except NoRegionError:
        return Finding(Verdict.UNKNOWN, "no region is chosen", f"export AWS_REGION={wanted}")
    except InvalidRegionError as error:
        return Finding(Verdict.UNKNOWN, str(error), f"export AWS_REGION={wanted}")
    except ProfileNotFound as error:
        # Without its profile nobody knows the region either; what this machine has is looked at all the same.
        return Finding(Verdict.UNKNOWN, "the profile of the credentials is not known", str(refusal.explained(error)))
    except refusal.REFUSALS as error:
        # The SDK makes no client, and so names no region, without the credentials that it has found.
        return Finding(Verdict.UNKNOWN, "the credentials cannot be fetched", str(refusal.explained(error)))
    if demand.region not in ("", region):
        sentence = f"{region} is chosen, but build.region is {demand.region}: make next and others would not find it"
        return Finding(Verdict.FAILED, sentence, f"export AWS_REGION={demand.region}")
    return Finding(Verdict.OK, region)


def algorithm(region: str, demand: Demand) -> Finding:
    """Return whether AWS keeps the image of the built-in algorithm in `region`."""
    if region in demand.algorithm_regions:
        return Finding(Verdict.OK, f"the built-in image-classification algorithm is in {region}")
    return Finding(
        Verdict.FAILED,
        f"{region} has no built-in image-classification algorithm (or it is no region), so that nothing can be trained",
        f"Choose another with AWS_REGION: {', '.join(demand.algorithm_regions)}. If AWS has added it there since, put "
        "the registry's account into stacks/algorithm.py.",
    )


def resource_types(region: str, types: Sequence[ResourceType], demand: Demand) -> Iterator[Finding]:
    """Yield each resource type that CloudFormation does not have in `region`, or that all are there."""
    if region in demand.unpublished:
        sentence = f"no list is published of the resource types that CloudFormation has in {region}"
        yield Finding(Verdict.UNKNOWN, sentence, f"aws cloudformation list-types --visibility PUBLIC --region {region}")
        return
    missing = [each for each in types if region in each.without]
    for each in missing:
        sentence = f"CloudFormation has no {each.type} in {region}, so that {each.used_by}"
        if each.optional:
            yield Finding(Verdict.WARNING, f"{sentence} is left out", each.remedy)
        else:
            yield Finding(Verdict.FAILED, f"{sentence} cannot be made", each.remedy)
    if not missing:
        yield Finding(Verdict.OK, f"CloudFormation has all that is deployed in {region}")
