# SPDX-License-Identifier: MIT-0
"""Seeds one realistic mistake in the synthesized templates: the proof that a checker does not sleep."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.proof.intrinsic import Documents

Change = Callable[[Documents], None]
GONE = object()


@dataclass(frozen=True)
class Mistake:
    """One mistake.

    Attributes:
        name: What somebody did, in words.
        checker: Name of the checker that must notice, as check.py calls it.
        says: A part of what it says.
        change: Makes the mistake.
    """

    name: str
    checker: str
    says: str
    change: Change


def mistaken(documents: Documents, mistake: Mistake) -> Documents:
    """Return a copy of `documents` with the mistake in it."""
    changed: Documents = json.loads(json.dumps(documents))
    mistake.change(changed)
    return changed


def find(documents: Documents, where: str) -> dict[str, Any]:
    """Return the declaration of the resource `where`: stack, type without AWS:: and a part of the id, by spaces.

    Raises:
        LookupError: None or several are there; name another part of the id.
    """
    stack, kind, *part = where.split()
    found = {
        id_: each
        for name, document in documents.items()
        if name.startswith(stack)
        for id_, each in document["Resources"].items()
        if each["Type"] == f"AWS::{kind}" and (not part or part[0] in id_)
    }
    if len(found) != 1:
        raise LookupError(f"{where!r} is {sorted(found)}, not one resource")
    return next(iter(found.values()))


def put(where: str, path: str, value: Any) -> Change:
    """Return a change that puts `value` at `path` (by slashes) of the resource `where`, or takes it away (GONE)."""

    def change(documents: Documents) -> None:
        *way, last = path.split("/")
        holder: Any = find(documents, where)
        for part in way:
            holder = holder[int(part) if isinstance(holder, list) else part]
        key: Any = int(last) if isinstance(holder, list) else last
        if value is GONE:
            del holder[key]
        else:
            holder[key] = value

    return change


def prop(where: str, path: str, value: Any) -> Change:
    """Return a change of the property at `path`."""
    return put(where, f"Properties/{path}", value)


def word(where: str, old: str, new: str) -> Change:
    """Return a change of the text `old` into `new`, once, somewhere in the resource `where`."""

    def change(documents: Documents) -> None:
        declared = find(documents, where)
        before = json.dumps(declared)
        # Texts in texts are escaped twice; whoever seeds a mistake writes the plain form.
        for escaped in (old, json.dumps(old)[1:-1], json.dumps(json.dumps(old)[1:-1])[1:-1]):
            if escaped in before:
                deep = new if escaped == old else json.dumps(new)[1:-1]
                deep = deep if escaped in (old, json.dumps(old)[1:-1]) else json.dumps(deep)[1:-1]
                declared.update(json.loads(before.replace(escaped, deep, 1)))
                return
        raise LookupError(f"{where!r} does not say {old!r}")

    return change


def statement(where: str, action: str, key: str, value: Any, document: str = "PolicyDocument") -> Change:
    """Return a change of `key` in the statement that allows `action` in the policy `where`."""

    def change(documents: Documents) -> None:
        for each in find(documents, where)["Properties"][document]["Statement"]:
            if each["Effect"] == "Allow" and action in each["Action"]:
                if value is GONE:
                    del each[key]
                else:
                    each[key] = value
                return
        raise LookupError(f"{where!r} has no statement with {action}")

    return change


def remove(where: str) -> Change:
    """Return a change that takes the resource away."""

    def change(documents: Documents) -> None:
        wanted = find(documents, where)
        for document in documents.values():
            document["Resources"] = {id_: each for id_, each in document["Resources"].items() if each is not wanted}

    return change


def action(where: str, name: str, path: str, value: Any) -> Change:
    """Return a change at `path` of the action "stage/action" of the CodePipeline `where`."""

    def change(documents: Documents) -> None:
        stage_name, _, action_name = name.partition("/")
        stages = find(documents, where)["Properties"]["Stages"]
        stage = next(number for number, each in enumerate(stages) if each["Name"] == stage_name)
        names = [each["Name"] for each in stages[stage]["Actions"]]
        prop(where, f"Stages/{stage}/Actions/{names.index(action_name)}/{path}", value)(documents)

    return change
