# SPDX-License-Identifier: MIT-0
"""Finds IAM permissions that a new template grants and the old one did not.

`cdk diff` reports every changed statement as broader, even one that is only split, moved or narrowed. Here each
combination of principal, action and resource counts as broader only if it was not allowed before. Undecidable cases
(overlapping patterns, NotAction) count as broader: a false alarm is possible, a missed broadening is not.
Source: IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements".
"""

import dataclasses
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import product
from typing import Any, Final

_DENY: Final = "Deny"
_ID: Final = re.compile(r"\$\{(\w+)[.}]")
_TARGETS: Final = ("principals", "actions", "resources")


@dataclasses.dataclass(frozen=True)
class Statement:
    """A statement of an identity-based or resource-based IAM policy.

    Attributes:
        effect: ``Allow`` or ``Deny``; ``Unknown`` if the statement cannot be parsed.
        principals: For example ``AWS:${JobRole}``, ``Service:lambda.amazonaws.com``.
        actions: For example ``s3:Get*``.
        resources: For example ``${Raw.Arn}/*``.
        condition: JSON text with sorted keys; empty without a condition.
        inverted: Which of the three are exclusions: NotPrincipal, NotAction, NotResource.
        unread: The text that cannot be parsed.
    """

    effect: str
    principals: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    condition: str = ""
    inverted: frozenset[str] = frozenset()
    unread: str = ""

    @classmethod
    def read(cls, answer: Mapping[str, Any]) -> "Statement":
        """Return the statement described by the output of templates.mjs."""
        condition = answer.get("condition")
        targets = {name: tuple(sorted(set(answer[name]["values"]))) for name in _TARGETS}
        return cls(
            answer["effect"],
            **targets,
            condition=json.dumps(condition, sort_keys=True) if condition else "",
            inverted=frozenset(name for name in _TARGETS if answer[name]["not"]),
            unread=answer.get("unread") or "",
        )

    @property
    def is_denial(self) -> bool:
        """Return whether it denies."""
        return self.effect == _DENY


@dataclasses.dataclass(frozen=True)
class Broadening:
    """A permission that is newly allowed or no longer denied, as a statement with nothing else in it."""

    statement: Statement

    @property
    def is_lost_denial(self) -> bool:
        """Return whether it is a denial that was removed."""
        return self.statement.is_denial

    def concerns_only(self, ids: Collection[str]) -> bool:
        """Return whether all of its resources have one of these logical ids."""
        found = [_ID.match(each) for each in self.statement.resources]
        return bool(found) and all(each is not None and each.group(1) in ids for each in found)


def find_broadenings(old: Sequence[Statement], new: Sequence[Statement]) -> list[Broadening]:
    """Return the permissions that `new` grants beyond `old`, in a stable order."""
    denied = [each for each in new if each.is_denial]
    allowed = [each for each in old if not each.is_denial]
    parts = [_uncovered_part(each, allowed) for each in new if not each.is_denial and each not in old]
    parts += [_uncovered_part(each, denied) for each in old if each.is_denial and each not in new]
    return [Broadening(each) for each in sorted({part for part in parts if part}, key=_sort_key)]


def changed_statements(old: Sequence[Statement], new: Sequence[Statement]) -> tuple[list[Statement], list[Statement]]:
    """Return the added and the removed statements."""
    return sorted(set(new) - set(old), key=_sort_key), sorted(set(old) - set(new), key=_sort_key)


def _sort_key(statement: Statement) -> str:
    return repr(dataclasses.replace(statement, inverted=frozenset())) + repr(sorted(statement.inverted))


def _uncovered_part(statement: Statement, others: Iterable[Statement]) -> Statement | None:
    """Return the part of `statement` that none of `others` covers."""
    if statement.unread or statement.inverted:
        return None if statement in others else statement
    candidates = [each for each in others if not each.inverted and _is_implied(each.condition, statement.condition)]
    triples = product(statement.principals or ("",), statement.actions, statement.resources or ("",))
    uncovered = [triple for triple in triples if not any(_covers(each, triple) for each in candidates)]
    if not uncovered:
        return None
    principals, actions, resources = (tuple(sorted(set(values))) for values in zip(*uncovered, strict=True))
    return dataclasses.replace(statement, principals=principals, actions=actions, resources=resources)


def _covers(statement: Statement, triple: tuple[str, str, str]) -> bool:
    values = (statement.principals or ("",), statement.actions, statement.resources or ("",))
    return all(
        any(_matches(pattern, each) for pattern in patterns) for patterns, each in zip(values, triple, strict=True)
    )


def _matches(pattern: str, text: str) -> bool:
    """Return whether `pattern` matches everything that `text` matches; both may have wildcards.

    Case is ignored. IAM does so for actions only, but resources that differ in case alone are not worth a second rule.
    """
    if pattern in {"*", "AWS:*"}:
        return True
    # A question mark matches one character, so it does not cover an asterisk of the other side.
    expression = "".join({"*": ".*", "?": "[^*]"}.get(each, re.escape(each)) for each in pattern)
    return re.fullmatch(expression, text, re.DOTALL | re.IGNORECASE) is not None


def _is_implied(condition: str, other: str) -> bool:
    """Return whether `other` contains each clause of `condition`, so that meeting it implies meeting `condition`."""
    required, given = (json.loads(each) if each else {} for each in (condition, other))
    return all(
        given.get(operator, {}).get(key) == value
        for operator, clauses in required.items()
        for key, value in clauses.items()
    )
