# SPDX-License-Identifier: MIT-0
"""A stage that is elsewhere, as the functions of the build account see it."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any, Final

from tests.operations.service import MONDAY, Services

ROLE: Final = "arn:aws:iam::222222222222:role/skin-lesion-production-access"
REGION: Final = "eu-west-1"
BUCKET: Final = "skin-lesion-production-222222222222-eu-west-1"
MODEL: Final = f"s3://{BUCKET}/models/3/model.tar.gz"
IMAGE: Final = "811284229777.dkr.ecr.us-east-1.amazonaws.com/image-classification:1"
CONTAINER: Final = {"Image": IMAGE, "ModelDataUrl": "s3://runs/runs/abc/train/model.tar.gz", "Environment": {}}
CREDENTIALS: Final = {"AccessKeyId": "A" * 16, "SecretAccessKey": "secret", "SessionToken": "token"}
DENIED: Final = "AccessDenied"


class There:
    """The other account: its clients, and by which credentials and in which region they were asked for."""

    def __init__(self, stack: ExitStack) -> None:
        self.services = Services(stack, REGION)
        self.asked: list[tuple[Mapping[str, str], str]] = []
        self.copied: list[str] = []

    def connect(self, credentials: Mapping[str, str], region: str) -> Any:
        """Stand in for `access.connected`."""
        self.asked.append((credentials, region))
        return self.services

    def copies(self, region: str) -> Any:
        """Stand in for `client.copier`."""
        self.copied.append(region)
        return self.services("s3")


def there() -> Iterator[There]:
    """The other account, for one test; each answer that it arranged must have been asked for."""
    with ExitStack() as stack:
        arranged = There(stack)
        yield arranged
        for stub in arranged.services.stubs.values():
            stub.assert_no_pending_responses()


def admits(aws: Services, name: str) -> None:
    """Have STS give the credentials of the access role to a session of that name."""
    asked = {"RoleArn": ROLE, "RoleSessionName": name, "DurationSeconds": 900}
    user = {"AssumedRoleId": "AROA:session", "Arn": "arn:aws:sts::222222222222:assumed-role/access/session"}
    given = {"Credentials": {**CREDENTIALS, "Expiration": MONDAY}, "AssumedRoleUser": user}
    aws.answers("sts", "assume_role", given, **asked)


def serves(aws: Services, container: Mapping[str, Any], *more: Mapping[str, Any]) -> None:
    """Have the registry describe a package of such containers."""
    containers = [dict(each) for each in (container, *more)]
    aws.package(InferenceSpecification={"Containers": containers})
