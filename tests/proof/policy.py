# SPDX-License-Identifier: MIT-0
"""Every policy of the templates with intrinsics resolved: of roles, of resources, and who may assume a role."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from tests.proof.intrinsic import Documents, Resource, resources

Statement = dict[str, Any]
# Types that hold a policy of a resource, with the property that is it.
_OF_RESOURCES = {
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::SQS::QueuePolicy": "PolicyDocument",
    "AWS::ECR::Repository": "RepositoryPolicyText",
    "AWS::Logs::ResourcePolicy": "PolicyDocument",
}


@dataclass(frozen=True)
class Policy:
    """One policy.

    Attributes:
        place: Stack and logical id.
        kind: Whether it belongs to a role, to a resource, or says who may assume a role.
        owner: Type of the resource that declares it.
        roles: Names of the roles that it is attached to, for one that belongs to a role.
        document: The policy.
        account: The account that it is deployed to.
        of: ARNs of what it protects, for one of a resource or a trust.
    """

    place: str
    kind: Literal["identity", "resource", "trust"]
    owner: str
    roles: tuple[str, ...]
    document: dict[str, Any]
    account: str
    of: tuple[str, ...] = ()

    @property
    def statements(self) -> list[Statement]:
        """Its statements, actions and resources as lists."""
        given = self.document["Statement"]
        return [
            {**each, **{key: listed(each[key]) for key in ("Action", "Resource") if key in each}}
            for each in (given if isinstance(given, list) else [given])
        ]

    @property
    def allowing(self) -> list[Statement]:
        """Its statements that allow."""
        return [each for each in self.statements if each["Effect"] == "Allow"]


def policies(documents: Documents) -> list[Policy]:
    """Return every policy in `documents`."""
    return [policy for resource in resources(documents) for policy in _policies(resource)]


def listed(value: Any) -> list[Any]:
    """Return `value` as a list, which a policy leaves out around a single one."""
    return value if isinstance(value, list) else [value]


def _policies(resource: Resource) -> Iterator[Policy]:
    given, place, account = resource.properties, resource.place, resource.where.account
    if resource.kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        document = given["PolicyDocument"]
        yield Policy(place, "identity", resource.kind, tuple(given.get("Roles", ())), document, account)
    if resource.kind == "AWS::IAM::Role":
        arn = str(resource.arn)
        yield Policy(place, "trust", resource.kind, (), given["AssumeRolePolicyDocument"], account, (arn,))
        for each in given.get("Policies", []):
            yield Policy(place, "identity", resource.kind, (arn.rpartition("/")[2],), each["PolicyDocument"], account)
    document = given.get(_OF_RESOURCES.get(resource.kind, ""))
    if document:
        yield Policy(place, "resource", resource.kind, (), document, account, tuple(_protected(resource)))


def _protected(resource: Resource) -> Iterator[str]:
    """Yield the ARNs of what the policy that `resource` declares protects."""
    given = resource.properties
    if "Bucket" in given:
        yield f"arn:aws:s3:::{given['Bucket']}"
    elif resource.arn:
        yield resource.arn
    yield from given.get("Topics", ())
