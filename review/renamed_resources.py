# SPDX-License-Identifier: MIT-0
"""Resolves what stacks import from each other, and finds resources that only get another logical id.

A construct that is renamed or moved gives its resource another logical id: CloudFormation creates a new resource and
removes the old one. Everything that refers to it changes with it, in its own stack and in those that import it. Here
such pairs are found, so that references to the one and to the other compare as equal.
Source: CloudFormation User Guide, "Exporting stack output values" (a name is unique in an account and region; an export
that a stack imports can be neither removed nor changed).
"""

import dataclasses
import difflib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from review.markdown import ReviewNote, code_span
from review.permissions import Statement
from review.template_diff import ASSET_HASH, resolve_intrinsics

Templates = Mapping[str, Mapping[str, Any]]  # by stack

_IMPORT: Final = "Fn::ImportValue"
# An import that the template comparison library leaves in a text as JSON.
_EMBEDDED_IMPORT: Final = re.compile(r'\{"Fn::ImportValue":"([^"]*)"\}')
_REFERENCE: Final = re.compile(r"\$\{([\w/-]+)(?=[.}])")
_ANY_REFERENCE: Final = re.compile(r"\$\{[^}]*\}")
# Similarity from which two resources of one type are taken for one; what differs between them is judged as a change.
_SIMILAR: Final = 0.75
_SHOWN_EXPORTS: Final = 3


@dataclasses.dataclass(frozen=True)
class Export:
    """An exported output.

    Attributes:
        stack: The exporting stack.
        value: For example ``${Storage/Raw72517081.Arn}``.
    """

    stack: str
    value: str


def read_exports(templates: Templates) -> dict[str, Export]:
    """Return the exports of all stacks by name."""
    found = {}
    for stack, template in templates.items():
        for output in template.get("Outputs", {}).values():
            if "Export" in output:
                name = str(resolve_intrinsics(output["Export"].get("Name")))
                value = str(resolve_intrinsics(output.get("Value")))
                found[name] = Export(stack, _qualified(value, stack, template.get("Resources", {})))
    return found


def _qualified(text: str, stack: str, ids: Mapping[str, Any]) -> str:
    """Return `text` with the stack before the logical ids of its resources."""
    return _REFERENCE.sub(lambda found: f"${{{stack}/{found[1]}" if found[1] in ids else found[0], text)


def import_names(template: Mapping[str, Any]) -> set[str]:
    """Return the names of the exports that a template imports."""
    return set(_imports(template))


def _imports(value: Any) -> Iterator[str]:  # noqa: ANN401  any JSON
    if isinstance(value, dict):
        for key, each in value.items():
            if key == _IMPORT:
                yield str(resolve_intrinsics(each))
            else:
                yield from _imports(each)
    elif isinstance(value, list):
        for each in value:
            yield from _imports(each)


@dataclasses.dataclass(frozen=True)
class References:
    """What the references of one template stand for.

    Attributes:
        stack: Its stack.
        exports: All exports of the same side.
        renames: New ids by old ones, as ``Storage/Raw72517081``; empty for the new side.
    """

    stack: str
    exports: Mapping[str, Export]
    renames: Mapping[str, str]

    def normalized_text(self, text: str) -> str:
        """Return `text` with imports resolved, new ids in place of old ones, and without the hash of an asset."""
        text = _EMBEDDED_IMPORT.sub(lambda match: self._exported(match.group(1)) or match.group(), text)
        return _REFERENCE.sub(self._renamed, ASSET_HASH.sub("<asset>", text))

    def renamed_value(self, value: Any) -> Any:  # noqa: ANN401  any JSON
        """Return a value of the template with its functions as text, imports resolved, and new ids for old ones."""
        return _mapped_texts(
            resolve_intrinsics(self._resolved(value)), lambda text: _REFERENCE.sub(self._renamed, text)
        )

    def normalized_value(self, value: Any) -> Any:  # noqa: ANN401  any JSON
        """Return a value of the template with its functions as text, normalized like a text."""
        return _mapped_texts(resolve_intrinsics(self._resolved(value)), self.normalized_text)

    def normalized_statement(self, statement: Statement) -> Statement:
        """Return an IAM statement with normalized texts."""

        def every(values: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(sorted({self.normalized_text(each) for each in values}))

        return dataclasses.replace(
            statement,
            principals=every(statement.principals),
            resources=every(statement.resources),
            condition=self.normalized_text(statement.condition),
            unread=self.normalized_text(statement.unread),
        )

    def _exported(self, name: str) -> str:
        return self.exports[name].value if name in self.exports else ""

    def _renamed(self, match: re.Match[str]) -> str:
        found = match.group(1)
        if "/" in found:
            return "${" + self.renames.get(found, found)
        return "${" + self.renames.get(f"{self.stack}/{found}", found).removeprefix(f"{self.stack}/")

    def _resolved(self, value: Any) -> Any:  # noqa: ANN401  any JSON
        """Return `value` with what it imports in place of the imports."""
        if isinstance(value, list):
            return [self._resolved(each) for each in value]
        if not isinstance(value, dict):
            return value
        if value.keys() == {_IMPORT} and (text := self._exported(str(resolve_intrinsics(value[_IMPORT])))):
            return text
        return {key: self._resolved(each) for key, each in value.items()}


def _mapped_texts(value: Any, change: Callable[[str], str]) -> Any:  # noqa: ANN401  any JSON
    if isinstance(value, list):
        return [_mapped_texts(each, change) for each in value]
    if isinstance(value, dict):
        return {key: _mapped_texts(each, change) for key, each in value.items()}
    return change(value) if isinstance(value, str) else value


def find_renames(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, str]:
    """Return the new logical id of each resource of a template that only gets another one.

    The most similar pairs of a removed and an added resource of one type are taken first.
    """
    olds, news = old.get("Resources", {}), new.get("Resources", {})
    removed = {id_: each for id_, each in olds.items() if id_ not in news}
    added = {id_: each for id_, each in news.items() if id_ not in olds}
    scored = [
        (score, _path_similarity(before, after), first, second)
        for first, before in removed.items()
        for second, after in added.items()
        if before.get("Type") == after.get("Type") and (score := _similarity(before, after)) >= _SIMILAR
    ]
    found: dict[str, str] = {}
    for _, _, first, second in sorted(scored, key=lambda each: (-each[0], -each[1], each[2:])):
        if first not in found and second not in found.values():
            found[first] = second
    return found


def _similarity(old: Mapping[str, Any], new: Mapping[str, Any]) -> float:
    before, after = (
        _ANY_REFERENCE.sub("${}", json.dumps(resolve_intrinsics(each.get("Properties", {})), sort_keys=True))
        for each in (old, new)
    )
    before, after = ASSET_HASH.sub("", before), ASSET_HASH.sub("", after)
    if before == after:
        return 1.0
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    # An upper bound that is computed much faster.
    return matcher.ratio() if matcher.quick_ratio() >= _SIMILAR else 0.0


def _path_similarity(old: Mapping[str, Any], new: Mapping[str, Any]) -> float:
    before, after = (str(each.get("Metadata", {}).get("aws:cdk:path", "")) for each in (old, new))
    return difflib.SequenceMatcher(None, before, after).ratio()


def export_notes(old: Templates, new: Templates) -> dict[str, ReviewNote]:
    """Return a note for each stack whose removed or changed exports another stack imports.

    The importing stack may be the deployed one: CloudFormation refuses to remove or change an export as long as it is
    imported, and the exporting stack is deployed first.
    """
    before, after = read_exports(old), read_exports(new)
    users_before, users_after = _importers(old), _importers(new)
    notes = {}
    for stack in sorted({each.stack for each in before.values()}):
        lost = [name for name, each in before.items() if each.stack == stack and each != after.get(name)]
        used = [name for name in lost if users_before.get(name, set()) - {stack} or users_after.get(name)]
        if used:
            broken = {user for name in used if name not in after for user in users_after.get(name, ())}
            users = {user for name in used for user in users_before.get(name, set()) | users_after.get(name, set())}
            notes[stack] = _export_note([before[name].value for name in used], users, broken, is_gone=stack not in new)
    return notes


def _export_note(values: list[str], users: set[str], broken: set[str], *, is_gone: bool) -> ReviewNote:
    shown = ", ".join(code_span(each) for each in sorted(values)[:_SHOWN_EXPORTS])
    more = f" and {len(values) - _SHOWN_EXPORTS} more" if len(values) > _SHOWN_EXPORTS else ""
    text = f"exports {'of it' if is_gone else 'removed or changed'} that {_listed(users)} import: {shown}{more}; "
    if is_gone and broken:
        text += f"{_listed(broken)} still need it"
    elif broken:
        text += f"{_listed(broken)} still import what is no longer exported, so the deployment fails"
    else:
        text += (
            "CloudFormation refuses this while the deployed stacks import them: "
            "keep them for one deployment with `Stack.export_value`"
        )
    return ReviewNote(text, needs_attention=True)


def _listed(stacks: set[str]) -> str:
    return ", ".join(code_span(each) for each in sorted(stacks))


def _importers(templates: Templates) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for stack, template in templates.items():
        for name in import_names(template):
            found.setdefault(name, set()).add(stack)
    return found
