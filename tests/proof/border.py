# SPDX-License-Identifier: MIT-0
"""The statements that let somebody of another account in, or reach into another account, taken apart.

Each is split into single grants: one principal, one action, one resource, one value of each condition. Whatever of it
nobody needs then shows.
"""

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from tests.proof.policy import Policy, Statement, listed

_ACCOUNT: Final = re.compile(r"(?<!\d)\d{12}(?!\d)")
# Ids such as that of a key, which may end in twelve digits.
_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# An account that a pattern leaves open.
_ANY_ACCOUNT: Final = re.compile(r"arn:[^:]*:(?!s3:)[^:]*:[^:]*:[^:]*[*?][^:]*:")
_PULL: Final = {"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}


@dataclass(frozen=True)
class Grant:
    """One grant of a statement.

    Attributes:
        policy: Where the statement stands.
        statement: It, with nothing but this grant in it.
    """

    policy: Policy
    statement: Statement

    def __str__(self) -> str:
        """Return it in words."""
        parts = {key: self.statement[key] for key in ("Principal", "Action", "Resource", "Condition")}
        return f"{self.policy.place}: {json.dumps({key: each for key, each in parts.items() if each})}"

    @property
    def document(self) -> dict[str, Any]:
        """A policy that grants this and nothing else."""
        given = {key: each for key, each in self.statement.items() if each}
        return {"Version": "2012-10-17", "Statement": [given]}


def grants(policies: list[Policy], owners: dict[str, str]) -> Iterator[Grant]:
    """Yield the grants across an account's border that `policies` make.

    Args:
        policies: All of them.
        owners: Account of each bucket by its ARN; an ARN of S3 does not say.
    """
    for policy in policies:
        singles = (single for statement in policy.allowing for single in _single(statement))
        yield from (Grant(policy, each) for each in singles if _crosses(each, policy, owners))


def pulls_from(grant: Grant, registries: set[str]) -> bool:
    """Return whether the grant lets a role pull an image from one of AWS's own registries, and nothing else."""
    if grant.policy.kind != "identity" or grant.statement["Action"] not in _PULL:
        return False
    return str(grant.statement["Resource"]).split(":")[4] in registries


def _crosses(statement: Statement, policy: Policy, owners: dict[str, str]) -> bool:
    """Return whether a single grant names another account than its own, anyone, or a bucket of nobody here."""
    principal = statement.get("Principal", {})
    if principal == "*" or (isinstance(principal, dict) and "*" in listed(principal.get("AWS", []))):
        return True
    text = json.dumps({key: statement.get(key) for key in ("Principal", "Resource", "Condition")})
    if set(_ACCOUNT.findall(_ID.sub("", text))) - {policy.account}:
        return True
    resource = str(statement["Resource"]) if policy.kind == "identity" else ""
    return _is_foreign_bucket(resource, policy, owners) or bool(_ANY_ACCOUNT.match(resource))


def _is_foreign_bucket(resource: str, policy: Policy, owners: dict[str, str]) -> bool:
    """Return whether the bucket is another account's; one that no template makes may be anybody's."""
    bucket = resource.partition("/")[0]
    own = bucket.startswith(f"arn:aws:s3:::cdk-hnb659fds-assets-{policy.account}-")
    return bucket.startswith("arn:aws:s3:::") and not own and owners.get(bucket) != policy.account


def _single(statement: Statement) -> Iterator[Statement]:
    """Yield a statement for each combination of one principal, action, resource and value of each condition."""
    principals = _principals(statement.get("Principal"))
    actions, resources = statement.get("Action", [""]), statement.get("Resource", [""])
    conditions = list(_conditions(statement.get("Condition", {})))
    for principal, action, resource, condition in itertools.product(principals, actions, resources, conditions):
        single = {"Principal": principal, "Action": action, "Resource": resource, "Condition": condition}
        yield {"Effect": "Allow", **{key: statement[key] for key in statement if key.startswith("Not")}, **single}


def _principals(given: Any) -> list[Any]:
    if not isinstance(given, dict):
        return [given]
    return [{kind: each} for kind, named in given.items() for each in listed(named)]


def _conditions(given: dict[str, dict[str, Any]]) -> Iterator[dict[str, dict[str, Any]]]:
    """Yield the conditions with one value each, in every combination: values of one key are alternatives."""
    tests = [(operator, key, listed(values)) for operator, keys in given.items() for key, values in keys.items()]
    for chosen in itertools.product(*(values for _, _, values in tests)):
        single: dict[str, dict[str, Any]] = {}
        for (operator, key, _), value in zip(tests, chosen, strict=True):
            single.setdefault(operator, {})[key] = value
        yield single
