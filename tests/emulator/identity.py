# SPDX-License-Identifier: MIT-0
"""A role that was deployed, used as the service would use it: what it may do is what its policies say."""

import json
import uuid
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from tests.emulator.server import Emulator
from tests.proof.sample import HERE, Place

_DENIED: Final = {"AccessDenied", "AccessDeniedException", "403", "UnauthorizedOperation", "AuthorizationError"}


@dataclass(frozen=True)
class Identity:
    """Temporary credentials of a role.

    Attributes:
        emulator: Where the role is.
        credentials: As a client takes them.
        tls: Whether its requests come over TLS.
        place: Its account, and the region that it asks.
    """

    emulator: Emulator
    credentials: dict[str, str]
    tls: bool = True
    place: Place = HERE

    def may(self, service: str, operation: str, **parameters: Any) -> bool:
        """Do it, and tell whether it was allowed.

        Raises:
            ClientError: It failed for another reason, so that nothing is known.
        """
        client = self.emulator.client(service, self.place, tls=self.tls, **self.credentials)
        try:
            getattr(client, operation)(**parameters)
        except ClientError as error:
            if error.response["Error"]["Code"] in _DENIED:
                return False
            raise
        return True


def assume(emulator: Emulator, name: str, place: Place = HERE) -> Identity:
    """Return the role `name` as its account's root assumes it, which stands for the service that would.

    Its trust is opened to the root for that, because only the service may assume it; its policies stay.
    """
    sts, iam = emulator.client("sts", place), emulator.client("iam", place)
    arn = iam.get_role(RoleName=name)["Role"]["Arn"]
    root = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{place.account}:root"}, "Action": "sts:AssumeRole"}
    iam.update_assume_role_policy(
        RoleName=name, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [root]})
    )
    given = sts.assume_role(RoleArn=arn, RoleSessionName=f"test-{uuid.uuid4().hex[:8]}")["Credentials"]
    return Identity(emulator, credentials(given), place=place)


def credentials(given: dict[str, Any]) -> dict[str, str]:
    """Return what STS has given as a client takes it."""
    keys = {
        "aws_access_key_id": "AccessKeyId",
        "aws_secret_access_key": "SecretAccessKey",
        "aws_session_token": "SessionToken",
    }
    return {ours: given[theirs] for ours, theirs in keys.items()}
