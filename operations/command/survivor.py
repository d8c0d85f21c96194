# SPDX-License-Identifier: MIT-0
"""What the storage stack leaves behind on purpose when it is deleted, and how each kind of it goes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from botocore.exceptions import ClientError

from operations.client import Client
from operations.command import bucket, refusal, stack
from operations.command.account import Account
from operations.command.stack import Resource

KEY_DAYS: Final = 30  # the longest that KMS offers: until then the deletion can be cancelled


@dataclass(frozen=True)
class _Kind:
    """How one kind of resource is asked for and deleted.

    Attributes:
        service: Whose client does it.
        look: Asks for it by its physical id; the service refuses where there is none.
        delete: Deletes it.
    """

    service: str
    look: Callable[[Client, str], object]
    delete: Callable[[Client, str], object]


_KINDS: Final[Mapping[str, _Kind]] = {
    "AWS::S3::Bucket": _Kind("s3", lambda s3, name: s3.head_bucket(Bucket=name), bucket.delete),
    "AWS::KMS::Key": _Kind(
        "kms",
        lambda kms, key: kms.describe_key(KeyId=key),
        lambda kms, key: kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=KEY_DAYS),
    ),
    "AWS::SageMaker::ModelPackageGroup": _Kind(
        "sagemaker",
        lambda sagemaker, arn: sagemaker.describe_model_package_group(ModelPackageGroupName=_last(arn)),
        lambda sagemaker, arn: sagemaker.delete_model_package_group(ModelPackageGroupName=_last(arn)),
    ),
}


def remaining(account: Account, name: str) -> list[Resource]:
    """Return what the newest deleted stack of this name left behind and what is still there, the key last.

    What it holds of a kind that this module does not know is returned too: somebody has to look.
    """
    left = stack.survivors(account.client("cloudformation"), name)
    there = [found for found in left if _is_there(account, found)]
    return sorted(there, key=lambda found: found.kind == "AWS::KMS::Key")


def delete(account: Account, found: Resource) -> bool:
    """Delete one of them, and return whether this module knows how."""
    kind = _KINDS.get(found.kind)
    if kind is None:
        return False
    kind.delete(account.client(kind.service), found.name)
    return True


def _is_there(account: Account, found: Resource) -> bool:
    kind = _KINDS.get(found.kind)
    if kind is None:
        return True
    try:
        seen = kind.look(account.client(kind.service), found.name)
    except ClientError as error:
        if refusal.is_missing(error):
            return False
        raise
    # A key is not gone for weeks, but its end is settled.
    return not (isinstance(seen, dict) and seen.get("KeyMetadata", {}).get("KeyState") == "PendingDeletion")


def _last(arn: str) -> str:
    return arn.rpartition("/")[2]
