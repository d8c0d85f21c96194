# SPDX-License-Identifier: MIT-0
"""Where two JSON values differ: the smallest places, each with its old and its new value.

Lists are matched by the names that their elements carry, where they have names; so one more step, tag or rule is one
difference, and the elements after it are none.

Hands pairs of templates to templates.mjs, and its answer back as values.
"""

import dataclasses
import difflib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from review.errors import ComparisonError
from review.intrinsics import resolve_intrinsics
from review.permissions import Statement

# Names of elements, in CloudFormation and in SageMaker's requests.
_NAMES: Final = (
    "Name",
    "Id",
    "Sid",
    "Key",
    "OutputName",
    "InputName",
    "ChannelName",
    "VariantName",
    "PropertyFileName",
)
# A CDK asset (code of a function, an image, a template) is called by the SHA-256 of its content.
_HASH: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


class _Absent:
    """The type of ABSENT."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()


@dataclasses.dataclass(frozen=True)
class Difference:
    """One place.

    Attributes:
        path: Such as ``Rules[Expire].ExpirationInDays``.
        old: Its value, or ABSENT.
        new: Likewise.
    """

    path: str
    old: Any
    new: Any

    @property
    def is_content(self) -> bool:
        """Return whether nothing differs but the hash of an asset."""
        return (
            isinstance(self.old, str)
            and isinstance(self.new, str)
            and bool(_HASH.search(self.old))
            and _HASH.sub("", self.old) == _HASH.sub("", self.new)
        )


def json_differences(old: Any, new: Any, path: str = "") -> list[Difference]:  # noqa: ANN401  any JSON
    """Return where `old` and `new` differ, in the order of paths; ABSENT says that a side has nothing."""
    return list(_value_differences(old, new, path))


def _value_differences(old: Any, new: Any, path: str) -> Iterator[Difference]:  # noqa: ANN401  any JSON
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _value_differences(old.get(key, ABSENT), new.get(key, ABSENT), f"{path}.{key}" if path else key)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _elements(old, new, path)
    elif type(old) is not type(new) or old != new:
        yield Difference(path, old, new)


def _elements(old: list[Any], new: list[Any], path: str) -> Iterator[Difference]:
    name = next((name for name in _NAMES if _is_named(old, name) and _is_named(new, name)), None)
    if name is None:
        yield from _positions(old, new, path)
        return
    olds, news = ({each[name]: each for each in elements} for elements in (old, new))
    for key in sorted(olds.keys() | news.keys()):
        yield from _value_differences(olds.get(key, ABSENT), news.get(key, ABSENT), f"{path}[{key}]")
    if [key for key in olds if key in news] != [key for key in news if key in olds]:
        yield Difference(f"{path} (order)", ", ".join(olds), ", ".join(news))


def _is_named(elements: list[Any], name: str) -> bool:
    values = [each.get(name) for each in elements if isinstance(each, dict)]
    texts = {value for value in values if isinstance(value, str)}
    return len(texts) == len(elements)


def _positions(old: list[Any], new: list[Any], path: str) -> Iterator[Difference]:
    """Match elements that have no names by the longest runs of equal ones."""
    olds, news = ([json.dumps(each, sort_keys=True) for each in elements] for elements in (old, new))
    for kind, a, b, c, d in difflib.SequenceMatcher(None, olds, news, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        for offset in range(max(b - a, d - c)):
            before = old[a + offset] if a + offset < b else ABSENT
            after = new[c + offset] if c + offset < d else ABSENT
            yield from _value_differences(before, after, f"{path}[{(c if after is not ABSENT else a) + offset}]")


_SCRIPT: Final = Path(__file__).with_name("templates.mjs")
_LINES: Final = 5


@dataclasses.dataclass(frozen=True)
class TemplatePair:
    """The templates of one stack; None where a side lacks it."""

    stack: str
    old: Path | None
    new: Path | None


@dataclasses.dataclass(frozen=True)
class ChangedProperty:
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
class ChangedResource:
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
    properties: tuple[ChangedProperty, ...]


@dataclasses.dataclass(frozen=True)
class TemplateComparison:
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
    resources: tuple[ChangedResource, ...]
    old_statements: tuple[Statement, ...]
    new_statements: tuple[Statement, ...]
    policies: tuple[tuple[str, ...], ...]
    dropped_policies: tuple[tuple[str, ...], ...]
    rules: tuple[tuple[str, ...], ...]
    dropped_rules: tuple[tuple[str, ...], ...]
    sections: tuple[tuple[str, str, tuple[Difference, ...]], ...]


def compare_templates(pairs: Sequence[TemplatePair]) -> list[TemplateComparison]:
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


def _comparison(answer: Mapping[str, Any]) -> TemplateComparison:
    policies, rules = answer["policies"], answer["rules"]
    return TemplateComparison(
        stack=answer["stack"],
        resources=tuple(sorted(map(_resource, answer["resources"]), key=lambda each: (each.path, each.id))),
        old_statements=tuple(Statement.read(each) for each in answer["statements"]["old"]),
        new_statements=tuple(Statement.read(each) for each in answer["statements"]["new"]),
        policies=_rows(policies["added"]),
        dropped_policies=_rows(policies["removed"]),
        rules=_rows(rules["added"]),
        dropped_rules=_rows(rules["removed"]),
        sections=tuple((each["kind"], each["name"], _property_differences(each)) for each in answer["sections"]),
    )


def _rows(answer: Sequence[Mapping[str, str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(sorted({tuple(each.values()) for each in answer}))


def _resource(answer: Mapping[str, Any]) -> ChangedResource:
    policy = answer.get("replace_policy" if answer["impact"] in {"WILL_REPLACE", "MAY_REPLACE"} else "deletion_policy")
    return ChangedResource(
        id=answer["id"],
        type=answer["type"],
        path=answer.get("path") or "",
        impact=answer["impact"],
        is_kept=str(policy).startswith(("Retain", "Snapshot")),
        properties=tuple(
            ChangedProperty(each["name"], _property_differences(each), each.get("impact") or "")
            for each in (*answer["properties"], *answer["others"])
            if each["name"] != "Metadata"
        ),
    )


def _property_differences(answer: Mapping[str, Any]) -> tuple[Difference, ...]:
    return tuple(
        json_differences(resolve_intrinsics(answer.get("old", ABSENT)), resolve_intrinsics(answer.get("new", ABSENT)))
    )
