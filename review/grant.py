# SPDX-License-Identifier: MIT-0
"""The permissions that a change broadens, as tables."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from review.intrinsic import shortened
from review.markdown import code, folded, table
from review.permission import Broadening, Statement
from review.report import StackChange
from review.resource import ADDED, verb

_ID: Final = re.compile(r"\$\{(\w+)(?=[.}])")
_HEADER: Final = ("stack", "who", "what is new", "actions", "on", "if")
_MOST: Final = 8
_NEW: Final = "permissions that come with new roles and resources"


def grants(changes: Iterable[StackChange]) -> str:
    """Return the section; what new roles and resources come with is folded, as it widens nothing that exists."""
    every = [(change, each) for change in changes for each in change.broadenings]
    widened = [_row(*each) for each in every if not _is_of_new(*each)]
    fresh = [_row(*each) for each in every if _is_of_new(*each)]
    widened += [row for change in changes for row in _others(change)]
    tables = [table(_HEADER, widened)] if widened else []
    tables += [folded(_NEW, str(len(fresh)), table(_HEADER, fresh))] if fresh else []
    return "\n\n".join(["### Permissions that broaden", *tables]) if tables else ""


def statements(change: StackChange, these: Sequence[Statement], word: str) -> list[tuple[str, ...]]:
    """Return rows for statements as they stand in the template."""
    return [(word, *_cells(change, each, each.effect)) for each in these]


def readable(text: str, names: Mapping[str, str]) -> str:
    """Return `text` with the constructs' paths in place of logical ids."""
    return _ID.sub(lambda found: "${" + names.get(found.group(1), found.group(1)), shortened(text))


def _row(change: StackChange, broadening: Broadening) -> tuple[str, ...]:
    word = "no longer denied" if broadening.is_lost_denial else "allowed"
    return (code(change.name), *_cells(change, broadening.statement, word))


def _cells(change: StackChange, statement: Statement, word: str) -> tuple[str, ...]:
    if statement.unread:
        return ("", word, code(readable(statement.unread, change.names)), "", "")
    who, actions, resources = (
        _listed(values, change.names, "all but " if name in statement.inverted else "")
        for name, values in (
            ("principals", statement.principals),
            ("actions", statement.actions),
            ("resources", statement.resources),
        )
    )
    condition = code(readable(statement.condition, change.names)) if statement.condition else ""
    return (who, word, actions, resources, condition)


def _listed(values: Sequence[str], names: Mapping[str, str], prefix: str) -> str:
    more = f" and {len(values) - _MOST} more" if len(values) > _MOST else ""
    return prefix + ", ".join(code(readable(each, names)) for each in values[:_MOST]) + more


def _others(change: StackChange) -> list[tuple[str, ...]]:
    names, stack = change.names, code(change.name)
    policies: list[tuple[str, ...]] = [
        (stack, code(readable(who, names)), "managed policy", code(what), "", "")
        for who, what in change.comparison.policies
    ]
    rules: list[tuple[str, ...]] = [
        (stack, code(readable(peer, names)), "network rule", code(protocol), code(readable(group, names)), "")
        for group, protocol, peer in change.comparison.rules
    ]
    return policies + rules


def _is_of_new(change: StackChange, broadening: Broadening) -> bool:
    """Return whether it speaks of nobody, or of nothing, that existed before."""
    added = {each.id for each in change.comparison.resources if verb(each) == ADDED}
    statement = broadening.statement
    return any(
        bool(values) and all((found := _ID.search(each)) and found.group(1) in added for each in values)
        for values in (statement.principals, statement.resources)
    )
