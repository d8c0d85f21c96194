# SPDX-License-Identifier: MIT-0
"""Requests that are like an expected one and wrong in one thing: each must be refused, by the side that can see it.

A side that allows one is wider than it has to be, even where the other side would refuse.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from tests.proof.simulation import Request

STRANGER: Final = "999988887777"
# Of each kind of thing, what one might be tempted to allow with the action that is needed.
_TEMPTING: Final = {
    "object": "DeleteObject DeleteObjectVersion GetObject GetObjectVersion ObjectOwnerOverrideToBucketOwner PutObject "
    "PutObjectAcl ReplicateDelete ReplicateObject ReplicateTags",
    "bucket": "DeleteBucket DeleteBucketPolicy GetBucketAcl GetBucketLocation GetBucketVersioning ListBucket "
    "ListBucketVersions PutBucketPolicy PutBucketVersioning PutReplicationConfiguration",
    "kms": "CreateGrant Decrypt DescribeKey Encrypt GenerateDataKey PutKeyPolicy ReEncryptFrom ReEncryptTo "
    "ScheduleKeyDeletion",
    "sts": "SetSourceIdentity TagSession",
}


def by_whom(request: Request) -> Iterator[Request]:
    """Yield requests of others, which the resource's side must refuse: another role, another account's namesake."""
    account, _, name = request.role.partition("::")[2].partition(":role/")
    yield replace(request, role=request.role.replace(name, f"{name}-2"))
    yield replace(request, role=request.role.replace(name, "administrator"))
    yield replace(request, role=request.role.replace(account, STRANGER))


def of_what(request: Request) -> Iterator[Request]:
    """Yield requests for something else, which both sides must refuse.

    They are for another object in the same bucket, for a thing of another name, region or account.
    """
    arn, service = request.resource, request.action.partition(":")[0]
    if service == "s3":
        bucket, slash, key = arn.partition("/")
        yield from (replace(request, resource=f"{bucket}/{each}") for each in (_other_keys(key) if key else ()))
        yield replace(request, resource=f"{bucket}-2{slash}{key}")
    if service == "sts":
        yield replace(request, resource=f"{arn}-2")
        yield replace(request, resource=arn.replace(f"::{request.account}:", f"::{STRANGER}:"), account=STRANGER)
    if service == "kms":
        yield replace(request, resource=arn.replace(f":{request.account}:", f":{STRANGER}:"), account=STRANGER)
        yield replace(request, resource=re.sub(r"(?<=:kms:)[\w-]+", "ap-south-1", arn))


def by_which_action(request: Request, expected: frozenset[tuple[str, str, str]]) -> Iterator[Request]:
    """Yield requests for something else to be done, which both sides must refuse, but for what is `expected` too."""
    service = request.action.partition(":")[0]
    kind = ("object" if "/" in request.resource else "bucket") if service == "s3" else service
    for action in (f"{service}:{each}" for each in _TEMPTING[kind].split()):
        if (request.role, action, request.resource) not in expected:
            yield replace(request, action=action)


def in_which_context(request: Request) -> Iterator[Request]:
    """Yield requests that come another way, which both sides must refuse: by another service, for another bucket."""
    for key, value in request.context.items():
        yield replace(request, context={each: it for each, it in request.context.items() if each != key})
        yield replace(request, context={**request.context, key: f"{value}-2"})
    if "kms:ViaService" in request.context:
        other = {"kms:ViaService": "s3.ap-south-1.amazonaws.com"}
        yield replace(request, context={**request.context, **other})


def _other_keys(key: str) -> Iterator[str]:
    """Yield keys beside `key`: under no prefix, and under one that differs in one of the first two folders."""
    first, _, rest = key.partition("/")
    second, _, last = rest.partition("/")
    yield from (last, f"{first[:-1]}/{rest}", f"x/{key}")
    # CodePipeline begins a key with the first letters of the pipeline's name: what begins so is the pipeline's, too.
    if not first.endswith("-delivery"):
        yield f"{first}-2/{rest}"
    if first == "capture":
        yield f"{first}/{second}-2/{last}"
