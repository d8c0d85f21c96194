# SPDX-License-Identifier: MIT-0
"""Which IAM statements of a new template allow what the old one did not.

A statement that is only cut up, moved or narrowed allows nothing new; `cdk diff` calls each changed one broader, so
the judgement is made here: for each principal, action and resource, was it allowed before? What this cannot know
(two patterns that overlap, a NotAction) it calls broader: it may cry wolf, but it does not sleep.
Source of the rules: IAM's User Guide, "Policy evaluation logic" and "IAM JSON policy elements".
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
    """An IAM statement, of an identity or of a resource.

    Attributes:
        effect: ``Allow`` or ``Deny``; ``Unknown`` where it is text that cannot be read.
        principals: Such as ``AWS:${JobRole}``, ``Service:lambda.amazonaws.com``.
        actions: Such as ``s3:Get*``.
        resources: Such as ``${Raw.Arn}/*``.
        condition: JSON text with its keys in order, empty where it has none.
        inverted: Which of the three name what is not meant: NotPrincipal, NotAction, NotResource.
        unread: The text that cannot be read.
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
        """Return the statement of templates.mjs's answer."""
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
    def restricts(self) -> bool:
        """Return whether it takes something away."""
        return self.effect == _DENY


@dataclasses.dataclass(frozen=True)
class Broadening:
    """What is newly allowed, or no longer denied: a statement that names nothing but that."""

    statement: Statement

    @property
    def is_lost_denial(self) -> bool:
        """Return whether it was denied before."""
        return self.statement.restricts

    def concerns_only(self, ids: Collection[str]) -> bool:
        """Return whether all of its resources are among those of these logical ids."""
        found = [_ID.match(each) for each in self.statement.resources]
        return bool(found) and all(each is not None and each.group(1) in ids for each in found)


def find_broadenings(old: Sequence[Statement], new: Sequence[Statement]) -> list[Broadening]:
    """Return what `new` allows beyond `old`, in a stable order."""
    denied = [each for each in new if each.restricts]
    allowed = [each for each in old if not each.restricts]
    parts = [_beyond(each, allowed) for each in new if not each.restricts and each not in old]
    parts += [_beyond(each, denied) for each in old if each.restricts and each not in new]
    return [Broadening(each) for each in sorted({part for part in parts if part}, key=_order)]


def changed_statements(old: Sequence[Statement], new: Sequence[Statement]) -> tuple[list[Statement], list[Statement]]:
    """Return the statements that come and those that go."""
    return sorted(set(new) - set(old), key=_order), sorted(set(old) - set(new), key=_order)


def _order(statement: Statement) -> str:
    return repr(dataclasses.replace(statement, inverted=frozenset())) + repr(sorted(statement.inverted))


def _beyond(statement: Statement, others: Iterable[Statement]) -> Statement | None:
    """Return the part of `statement` that none of `others` says already."""
    if statement.unread or statement.inverted:
        return None if statement in others else statement
    able = [each for each in others if not each.inverted and _is_weaker(each.condition, statement.condition)]
    every = product(statement.principals or ("",), statement.actions, statement.resources or ("",))
    left = [triple for triple in every if not any(_says(each, triple) for each in able)]
    if not left:
        return None
    principals, actions, resources = (tuple(sorted(set(values))) for values in zip(*left, strict=True))
    return dataclasses.replace(statement, principals=principals, actions=actions, resources=resources)


def _says(statement: Statement, triple: tuple[str, str, str]) -> bool:
    values = (statement.principals or ("",), statement.actions, statement.resources or ("",))
    return all(
        any(_matches(pattern, each) for pattern in patterns) for patterns, each in zip(values, triple, strict=True)
    )


def _matches(pattern: str, text: str) -> bool:
    """Return whether everything that `text` matches is also matched by `pattern`; both may have wildcards.

    The case of actions does not count, that of resources does; a difference in case alone is not worth two rules.
    """
    if pattern in {"*", "AWS:*"}:
        return True
    # A question mark stands for one character, so it covers no asterisk of the other side.
    expression = "".join({"*": ".*", "?": "[^*]"}.get(each, re.escape(each)) for each in pattern)
    return re.fullmatch(expression, text, re.DOTALL | re.IGNORECASE) is not None


def _is_weaker(condition: str, other: str) -> bool:
    """Return whether whatever meets `other` also meets `condition`: each clause of it stands in `other`, too."""
    mine, theirs = (json.loads(each) if each else {} for each in (condition, other))
    return all(
        theirs.get(operator, {}).get(key) == value
        for operator, clauses in mine.items()
        for key, value in clauses.items()
    )
