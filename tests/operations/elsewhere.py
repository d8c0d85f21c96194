# SPDX-License-Identifier: MIT-0
"""A stage that is elsewhere, as the functions of the build account see it."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any, Final

from tests.operations.service import METADATA, MONDAY, Services

ROLE: Final = "arn:aws:iam::222222222222:role/skin-lesion-production-access"
REGION: Final = "eu-west-1"
BUCKET: Final = "skin-lesion-production-222222222222-eu-west-1"
MODEL: Final = f"s3://{BUCKET}/models/3/model.tar.gz"
IMAGES_ROLE: Final = "arn:aws:iam::222222222222:role/skin-lesion-production-images"
TAG: Final = "0a" * 32
# An image that `cdk deploy` pushed to the build account, and to that of the stage.
REPOSITORY: Final = "cdk-hnb659fds-container-assets-222222222222-eu-west-1"
IMAGE: Final = (
    "111111111111.dkr.ecr.us-east-1.amazonaws.com/cdk-hnb659fds-container-assets-111111111111-us-east-1:" + TAG
)
PUBLISHED_IMAGE: Final = f"222222222222.dkr.ecr.eu-west-1.amazonaws.com/{REPOSITORY}:{TAG}"
# An image that AWS keeps in a registry of each region.
BOUGHT_IMAGE: Final = "811284229777.dkr.ecr.us-east-1.amazonaws.com/bought:1"
IMAGES: Final = (
    f"111111111111/cdk-hnb659fds-container-assets-111111111111-us-east-1=222222222222/{REPOSITORY},"
    "811284229777/bought:1=685385470294/bought:1"
)
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


def admits(aws: Services, name: str, role: str = ROLE) -> None:
    """Have STS give the credentials of a role there to a session of that name."""
    asked = {"RoleArn": role, "RoleSessionName": name, "DurationSeconds": 900}
    user = {"AssumedRoleId": "AROA:session", "Arn": "arn:aws:sts::222222222222:assumed-role/access/session"}
    given = {"Credentials": {**CREDENTIALS, "Expiration": MONDAY}, "AssumedRoleUser": user}
    aws.answers("sts", "assume_role", given, **asked)


def has_image(there: "There") -> None:
    """Have the registry of the other account say that it has the package's image."""
    asked = {"registryId": "222222222222", "repositoryName": REPOSITORY, "imageIds": [{"imageTag": TAG}]}
    there.services.answers("ecr", "describe_images", {"imageDetails": [{"imageTags": [TAG]}]}, **asked)


def serves(aws: Services, container: Mapping[str, Any], *more: Mapping[str, Any], commit: str = "") -> None:
    """Have the registry describe a package of such containers, trained on `commit` if one is given."""
    containers = [dict(each) for each in (container, *more)]
    metadata = {"CustomerMetadataProperties": {**METADATA, "commit": commit}} if commit else {}
    aws.package(InferenceSpecification={"Containers": containers}, **metadata)
