# SPDX-License-Identifier: MIT-0
"""The names of buckets, which are one name space for all accounts: free, ours, or somebody else's.

S3 says 403 both of a bucket of others and of one of ours that these credentials may not list; whether it is ours, the
list of our buckets tells. Source: Amazon S3 API Reference, HeadBucket and ListBuckets.
"""

from collections.abc import Iterator
from enum import Enum, auto
from typing import Final

from botocore.exceptions import ClientError

from operations.client import Client
from operations.command import refusal
from operations.command.preflight.finding import Finding, Look, Verdict

PERMISSIONS: Final = ("s3:ListBucket", "s3:ListAllMyBuckets")
_FREE: Final = ("404", "NoSuchBucket")
_ELSEWHERE: Final = "301"  # it exists, in another region


class Holder(Enum):
    """Whose a name is."""

    NOBODY = auto()
    WE = auto()
    OTHERS = auto()


def names(look: Look) -> Iterator[Finding]:
    """Yield how it stands with each name that the templates give."""
    for pattern in look.demand.buckets:
        name = named(pattern, look)
        holder = held_by(look.account.client("s3"), name, look.identity)
        if holder is Holder.OTHERS:
            remedy = "Another account holds it: change it in stacks/, or change the setting `name`."
            yield Finding(Verdict.FAILED, f"{name} is taken", remedy)
        else:
            yield Finding(Verdict.OK, f"{name} is {'free' if holder is Holder.NOBODY else 'ours'}")
    if not look.demand.buckets:
        yield Finding(Verdict.OK, "CloudFormation makes up the names of all buckets, so that none can be taken")


def named(pattern: str, look: Look) -> str:
    """Return the name that `pattern` gives in this account and region, as CloudFormation's Fn::Sub does."""
    return pattern.replace("${AWS::AccountId}", look.identity).replace("${AWS::Region}", look.account.region)


def held_by(s3: Client, name: str, identity: str) -> Holder:
    """Return whose the bucket `name` is, seen from account `identity`.

    Raises:
        ClientError: It cannot be told; for want of permission, mostly.
    """
    try:
        s3.head_bucket(Bucket=name, ExpectedBucketOwner=identity)
    except ClientError as error:
        if refusal.is_code(error, *_FREE):
            return Holder.NOBODY
        if refusal.is_denied(error) or refusal.is_code(error, _ELSEWHERE):
            return _listed(s3, name)
        raise
    return Holder.WE


def _listed(s3: Client, name: str) -> Holder:
    pages = s3.get_paginator("list_buckets").paginate(Prefix=name)
    ours = {bucket["Name"] for page in pages for bucket in page.get("Buckets", [])}
    return Holder.WE if name in ours else Holder.OTHERS
