# SPDX-License-Identifier: MIT-0
"""Hands pairs of templates to templates.mjs, and its answer back as values."""

import dataclasses
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from review.difference import ABSENT, Difference, differences
from review.error import ComparisonError
from review.intrinsic import plain
from review.permission import Statement

_SCRIPT: Final = Path(__file__).with_name("templates.mjs")
_LINES: Final = 5


@dataclasses.dataclass(frozen=True)
class Pair:
    """The templates of one stack; None where a side lacks it."""

    stack: str
    old: Path | None
    new: Path | None


@dataclasses.dataclass(frozen=True)
class Property:
    """A changed property (or attribute, such as DeletionPolicy) of a resource.

    Attributes:
        name: Such as ``BucketName``.
        differences: Where its values differ.
        impact: Of CloudFormation: WILL_UPDATE, WILL_REPLACE, MAY_REPLACE; empty for an attribute.
    """

    name: str
    differences: tuple[Difference, ...]
    impact: str = ""


@dataclasses.dataclass(frozen=True)
class Resource:
    """A changed resource.

    Attributes:
        id: Its logical id.
        type: Such as ``AWS::S3::Bucket``.
        path: Of its construct, such as ``Storage/Raw/Resource``; empty where the template has none.
        impact: Of CloudFormation: WILL_CREATE, WILL_UPDATE, WILL_REPLACE, MAY_REPLACE, WILL_DESTROY, WILL_ORPHAN.
        is_kept: Whether its old state stays in the account when it is replaced or leaves the stack.
        properties: What changes, attributes included.
    """

    id: str
    type: str
    path: str
    impact: str
    is_kept: bool
    properties: tuple[Property, ...]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What differs between two templates.

    Attributes:
        stack: Its name.
        resources: All changed ones, by path.
        old_statements: All IAM statements of the old template, the unchanged ones included.
        new_statements: Likewise.
        policies: Managed policies as (identity, policy), of those that are added.
        dropped_policies: Of those that are removed.
        rules: Rules of security groups as (group, protocol, peer), of those that are added.
        dropped_rules: Of those that are removed.
        sections: Everything else as (kind, name, what happens): parameters, conditions, mappings, outputs.
    """

    stack: str
    resources: tuple[Resource, ...]
    old_statements: tuple[Statement, ...]
    new_statements: tuple[Statement, ...]
    policies: tuple[tuple[str, ...], ...]
    dropped_policies: tuple[tuple[str, ...], ...]
    rules: tuple[tuple[str, ...], ...]
    dropped_rules: tuple[tuple[str, ...], ...]
    sections: tuple[tuple[str, str, tuple[Difference, ...]], ...]


def compare(pairs: Sequence[Pair]) -> list[Comparison]:
    """Compare the templates of each pair.

    Raises:
        ComparisonError: node or the library is missing, or a template cannot be read.
    """
    node = shutil.which("node")
    if not node:
        raise ComparisonError("node: not found. Install Node.js 22 or 24; synthesis needs it as well.")
    question = [{"stack": each.stack, "old": _text(each.old), "new": _text(each.new)} for each in pairs]
    done = subprocess.run([node, str(_SCRIPT)], input=json.dumps(question), capture_output=True, text=True, check=False)
    if done.returncode:
        missing = "ERR_MODULE_NOT_FOUND" in done.stderr
        remedy = "Install what package.json pins: npm ci." if missing else "Look at the template that it names."
        raise ComparisonError(f"{_SCRIPT.name} ended with {done.returncode}: {_cause(done.stderr)}. {remedy}")
    return [_comparison(each) for each in json.loads(done.stdout)]


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _cause(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if "Error" in line]
    return (lines or text.strip().splitlines()[-_LINES:] or ["no message"])[0]


def _comparison(answer: Mapping[str, Any]) -> Comparison:
    policies, rules = answer["policies"], answer["rules"]
    return Comparison(
        stack=answer["stack"],
        resources=tuple(sorted(map(_resource, answer["resources"]), key=lambda each: (each.path, each.id))),
        old_statements=tuple(Statement.read(each) for each in answer["statements"]["old"]),
        new_statements=tuple(Statement.read(each) for each in answer["statements"]["new"]),
        policies=_rows(policies["added"]),
        dropped_policies=_rows(policies["removed"]),
        rules=_rows(rules["added"]),
        dropped_rules=_rows(rules["removed"]),
        sections=tuple((each["kind"], each["name"], _differences(each)) for each in answer["sections"]),
    )


def _rows(answer: Sequence[Mapping[str, str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(sorted({tuple(each.values()) for each in answer}))


def _resource(answer: Mapping[str, Any]) -> Resource:
    policy = answer.get("replace_policy" if answer["impact"] in {"WILL_REPLACE", "MAY_REPLACE"} else "deletion_policy")
    return Resource(
        id=answer["id"],
        type=answer["type"],
        path=answer.get("path") or "",
        impact=answer["impact"],
        is_kept=str(policy).startswith(("Retain", "Snapshot")),
        properties=tuple(
            Property(each["name"], _differences(each), each.get("impact") or "")
            for each in (*answer["properties"], *answer["others"])
            if each["name"] != "Metadata"
        ),
    )


def _differences(answer: Mapping[str, Any]) -> tuple[Difference, ...]:
    return tuple(differences(plain(answer.get("old", ABSENT)), plain(answer.get("new", ABSENT))))
