# SPDX-License-Identifier: MIT-0
"""The details of one stack: a table of its resources, its permissions as they stand, and the rest of its template."""

from collections import Counter

from review import resource
from review.comparison import Resource
from review.grant import readable, statements
from review.markdown import changed, code, folded, table
from review.permission import changes as statement_changes
from review.report import StackChange

_MOST = 12
_STATEMENTS = ("", "who", "effect", "actions", "on", "if")


def details(change: StackChange) -> str:
    """Return a stack's block, which opens on a click."""
    parts = [_resources(change), _permissions(change), _rest(change)]
    return folded(change.name, _counts(change), "\n\n".join(part for part in parts if part) or "Nothing but the above.")


def _counts(change: StackChange) -> str:
    verbs = Counter(map(resource.verb, change.resources))
    return ", ".join(f"{verbs[verb]} {verb}" for verb in resource.VERBS if verbs[verb]) or "no resource"


def _resources(change: StackChange) -> str:
    order = sorted(change.resources, key=lambda each: resource.VERBS.index(resource.verb(each)))
    rows = [(resource.verb(each), code(resource.name(each)), code(each.type), _what(change, each)) for each in order]
    return table(("", "resource", "type", "what"), rows) if rows else ""


def _what(change: StackChange, one: Resource) -> str:
    told = [f"{code(each.path)}: {_named(change, changed(each))}" for each in resource.lines(one)]
    more = [f"and {len(told) - _MOST} more"] if len(told) > _MOST else []
    return "<br>".join([*told[:_MOST], *more, *resource.remarks(one)])


def _named(change: StackChange, text: str) -> str:
    return readable(text, change.names)


def _permissions(change: StackChange) -> str:
    """Return the statements that come and go, but those that stand above as they are."""
    come, go = statement_changes(change.comparison.old_statements, change.comparison.new_statements)
    told = {each.statement for each in change.broadenings}
    rows = [*statements(change, [each for each in come if each not in told], "comes"), *statements(change, go, "goes")]
    rows += [
        ("goes", code(who), "managed policy", code(what), "", "") for who, what in change.comparison.dropped_policies
    ]
    return table(_STATEMENTS, rows) if rows else ""


def _rest(change: StackChange) -> str:
    rows = [
        (kind, code(name) + (f" {code(each.path)}" if each.path else ""), _named(change, changed(each)))
        for kind, name, differences in change.comparison.sections
        for each in differences
        if not each.is_content
    ]
    return table(("", "name", "what"), rows) if rows else ""
