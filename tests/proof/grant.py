# SPDX-License-Identifier: MIT-0
"""Whether a role is allowed what it needs: an action on a resource, and under a prefix where it lists a bucket."""

import re
from dataclasses import dataclass
from typing import Any

from tests.proof.intrinsic import Documents
from tests.proof.policy import Statement, listed, policies


@dataclass(frozen=True)
class Need:
    """One thing that a role has to be allowed.

    Attributes:
        action: Such as s3:GetObject.
        resource: Its ARN.
        prefix: Of the keys that are listed, for s3:ListBucket.
    """

    action: str
    resource: str
    prefix: str = ""

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.action} on {self.resource}" + (f" below {self.prefix}" if self.prefix else "")


def missing(documents: Documents, role: str, needs: list[Need]) -> list[Need]:
    """Return which of `needs` the role of that name is not allowed."""
    found = [
        statement
        for policy in policies(documents)
        if policy.kind == "identity" and role in policy.roles
        for statement in policy.allowing
    ]
    return [need for need in needs if not any(_allows(statement, need) for statement in found)]


def _allows(statement: Statement, need: Need) -> bool:
    actions, resources = listed(statement.get("Action", [])), listed(statement.get("Resource", []))
    return need.action in actions and any(_like(each, need.resource) for each in resources) and _holds(statement, need)


def _holds(statement: Statement, need: Need) -> bool:
    """Return whether the statement's condition on the prefix holds; others are for iam.py to judge."""
    conditions: dict[str, Any] = statement.get("Condition", {})
    prefixes = [
        (operator, each) for operator, tests in conditions.items() for each in listed(tests.get("s3:prefix", []))
    ]
    return not prefixes or any(
        _like(each, need.prefix) if operator == "StringLike" else each == need.prefix for operator, each in prefixes
    )


def _like(pattern: str, text: str) -> bool:
    """Return whether `text` matches a pattern of IAM, where `*` stands for any letters and `?` for one."""
    parts = {"*": ".*", "?": "."}
    return bool(re.fullmatch("".join(parts.get(letter, re.escape(letter)) for letter in pattern), text, re.DOTALL))
