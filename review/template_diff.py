# SPDX-License-Identifier: MIT-0
"""Compares JSON values and CloudFormation templates.

Values are compared by meaning: intrinsic functions are replaced by readable text first. ``{"Ref": "Key"}`` becomes
``${Key}``, the parts of Fn::Join are joined, and text that is itself a JSON document (a pipeline, a state machine, a
dashboard) becomes that document. Source: CloudFormation User Guide, "Intrinsic function reference".

JSON values are compared down to the smallest differing parts. List elements are matched by their names if they have
names, so that one additional step, tag or rule is one difference and does not affect the elements after it.
Templates are compared by the library of `cdk diff`, in templates.mjs.
"""

import dataclasses
import difflib
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from review.errors import ComparisonError
from review.permissions import Statement

_NO_VALUE: Final = {"Ref": "AWS::NoValue"}
# Names that the CDK gives to exports: ExportsOutput, Ref or FnGetAtt, a logical id that ends in a hash, the attribute,
# and a hash of the whole.
_EXPORT: Final = re.compile(r"ExportsOutput(?:Ref|FnGetAtt)(\w+?)[0-9A-F]{8}(?:([A-Za-z]+?))?[0-9A-F]{8}")
# The id of a reference, with its stack before it where it is imported.
LOGICAL_ID: Final = re.compile(r"\$\{([\w/-]+)(?=[.}])")
# Functions that the template comparison library leaves in a text as JSON.
_EMBEDDED: Final = re.compile(r'\{"(?:Fn::\w+)":(?:"[^"]*"|\[[^\[\]]*\])\}')


def resolve_intrinsics(value: Any) -> Any:  # noqa: ANN401  any JSON
    """Return `value` with readable text in place of functions, and with JSON documents parsed."""
    if isinstance(value, list):
        return [resolve_intrinsics(each) for each in value if each != _NO_VALUE]
    if not isinstance(value, dict):
        return _parse_document(value) if isinstance(value, str) else value
    if len(value) == 1:
        ((function, argument),) = value.items()
        if function == "Ref" or function.startswith("Fn::"):
            return _parse_document(_resolve(function, argument))
    return {key: resolve_intrinsics(each) for key, each in value.items() if each != _NO_VALUE}


def shorten_intrinsics(text: str) -> str:
    """Return a text of the template comparison library with its functions resolved."""
    return _EMBEDDED.sub(lambda found: str(resolve_intrinsics(json.loads(found.group()))), text)


def with_construct_paths(text: str, names: Mapping[str, str]) -> str:
    """Return `text` with construct paths in place of logical ids."""
    return LOGICAL_ID.sub(lambda found: "${" + names.get(found.group(1), found.group(1)), shorten_intrinsics(text))


def _parse_document(text: str) -> Any:  # noqa: ANN401  any JSON
    if not text.startswith(("{", "[")):
        return text
    try:
        # A document may contain functions and documents itself.
        return resolve_intrinsics(json.loads(text))
    except ValueError:
        return text


def _resolve(function: str, argument: Any) -> str:  # noqa: ANN401  any JSON
    known = _FUNCTIONS.get(function)
    try:
        return known(argument) if known else _function_text(function, argument)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        # A macro may define its own argument shape.
        return _function_text(function, argument)


def _part(value: Any) -> str:  # noqa: ANN401  any JSON
    """Return one part of a text that is being assembled, without parsing it as a document."""
    if isinstance(value, dict) and len(value) == 1:
        ((function, argument),) = value.items()
        return _resolve(function, argument)
    if isinstance(value, list | dict):
        # Without quotes, because the text around it may be JSON.
        return json.dumps(value, sort_keys=True).replace('"', "").replace("\\", "")
    return str(value)


def _join(argument: Any) -> str:  # noqa: ANN401  any JSON
    separator, parts = argument
    if isinstance(parts, dict):
        return "${join " + f"{separator} {_part(parts)}" + "}"
    return str(separator).join(_part(part) for part in parts if part != _NO_VALUE)


def _sub(argument: Any) -> str:  # noqa: ANN401  any JSON
    text, values = (argument, {}) if isinstance(argument, str) else argument
    for name, value in values.items():
        text = text.replace("${" + name + "}", _part(value))
    return str(text)


def _function_text(function: str, argument: Any) -> str:  # noqa: ANN401  any JSON
    words = argument if isinstance(argument, list) else [argument]
    return "${" + " ".join([function.removeprefix("Fn::"), *map(_part, words)]) + "}"


def _import(argument: Any) -> str:  # noqa: ANN401  any JSON
    """Return ``${stack/id.attribute}`` for an import; the CDK encodes id and attribute in the name of the export."""
    stack, _, name = _part(argument).rpartition(":")
    found = _EXPORT.fullmatch(name)
    what = ".".join(filter(None, found.groups())) if found else name
    return "${" + (f"{stack}/{what}" if stack else what) + "}"


def _attribute(argument: Any) -> str:  # noqa: ANN401  any JSON
    return "${" + (argument if isinstance(argument, str) else ".".join(map(_part, argument))) + "}"


_FUNCTIONS: Final[dict[str, Callable[[Any], str]]] = {
    "Ref": lambda argument: "${" + argument + "}",
    "Fn::GetAtt": _attribute,
    "Fn::Join": _join,
    "Fn::ImportValue": _import,
    "Fn::Sub": _sub,
}


# Keys that name an element of a list, in CloudFormation and in requests of SageMaker.
_NAME_KEYS: Final = (
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
# A CDK asset (code of a function, an image, a template) is named by the SHA-256 of its content.
ASSET_HASH: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


class _Absent:
    """The type of ABSENT."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()


@dataclasses.dataclass(frozen=True)
class Difference:
    """A differing part of two values.

    Attributes:
        path: For example ``Rules[Expire].ExpirationInDays``.
        old: Old value, or ABSENT.
        new: New value, or ABSENT.
    """

    path: str
    old: Any
    new: Any

    @property
    def is_content(self) -> bool:
        """Return whether only the hash of an asset differs."""
        return (
            isinstance(self.old, str)
            and isinstance(self.new, str)
            and bool(ASSET_HASH.search(self.old))
            and ASSET_HASH.sub("", self.old) == ASSET_HASH.sub("", self.new)
        )


def json_differences(old: Any, new: Any, path: str = "") -> list[Difference]:  # noqa: ANN401  any JSON
    """Return the differences between `old` and `new` in the order of their paths."""
    return list(_value_differences(old, new, path))


def _value_differences(old: Any, new: Any, path: str) -> Iterator[Difference]:  # noqa: ANN401  any JSON
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _value_differences(old.get(key, ABSENT), new.get(key, ABSENT), f"{path}.{key}" if path else key)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _list_differences(old, new, path)
    elif type(old) is not type(new) or old != new:
        yield Difference(path, old, new)


def _list_differences(old: list[Any], new: list[Any], path: str) -> Iterator[Difference]:
    name = next((each for each in _NAME_KEYS if _are_named(old, each) and _are_named(new, each)), None)
    if name is None:
        yield from _unnamed_differences(old, new, path)
        return
    olds, news = ({each[name]: each for each in elements} for elements in (old, new))
    for key in sorted(olds.keys() | news.keys()):
        yield from _value_differences(olds.get(key, ABSENT), news.get(key, ABSENT), f"{path}[{key}]")
    if [key for key in olds if key in news] != [key for key in news if key in olds]:
        yield Difference(f"{path} (order)", ", ".join(olds), ", ".join(news))


def _are_named(elements: list[Any], name: str) -> bool:
    """Return whether each element has a different text under the key `name`."""
    values = [each.get(name) for each in elements if isinstance(each, dict)]
    texts = {value for value in values if isinstance(value, str)}
    return len(texts) == len(elements)


def _unnamed_differences(old: list[Any], new: list[Any], path: str) -> Iterator[Difference]:
    """Match unnamed elements by the longest runs of equal ones."""
    olds, news = ([json.dumps(each, sort_keys=True) for each in elements] for elements in (old, new))
    for kind, a, b, c, d in difflib.SequenceMatcher(None, olds, news, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        for offset in range(max(b - a, d - c)):
            before = old[a + offset] if a + offset < b else ABSENT
            after = new[c + offset] if c + offset < d else ABSENT
            yield from _value_differences(before, after, f"{path}[{(c if after is not ABSENT else a) + offset}]")


_SCRIPT: Final = Path(__file__).with_name("templates.mjs")


@dataclasses.dataclass(frozen=True)
class TemplatePair:
    """The old and the new template of one stack; None if the stack does not exist on that side."""

    stack: str
    old: Path | None
    new: Path | None


@dataclasses.dataclass(frozen=True)
class ChangedProperty:
    """A changed property (or attribute, such as DeletionPolicy) of a resource.

    Attributes:
        name: For example ``BucketName``.
        differences: Differences of its value.
        impact: WILL_UPDATE, WILL_REPLACE or MAY_REPLACE; empty for an attribute.
    """

    name: str
    differences: tuple[Difference, ...]
    impact: str = ""


@dataclasses.dataclass(frozen=True)
class ChangedResource:
    """A changed resource.

    Attributes:
        id: Logical id.
        type: For example ``AWS::S3::Bucket``.
        old_type: Its type before, which differs only where another resource takes over the logical id.
        path: Construct path, for example ``Storage/Raw/Resource``; empty if the template has none.
        impact: WILL_CREATE, WILL_UPDATE, WILL_REPLACE, MAY_REPLACE, WILL_DESTROY or WILL_ORPHAN.
        is_kept: Whether its old state stays in the account when it is replaced or leaves the stack.
        properties: Changed properties and attributes.
        renamed: Construct path under which the same resource is in the new template; empty if it is not.
    """

    id: str
    type: str
    old_type: str
    path: str
    impact: str
    is_kept: bool
    properties: tuple[ChangedProperty, ...]
    renamed: str = ""


@dataclasses.dataclass(frozen=True)
class TemplateComparison:
    """The differences between two templates.

    Attributes:
        stack: Name of the stack.
        resources: Changed resources, by path.
        old_statements: All IAM statements of the old template, including unchanged ones.
        new_statements: All IAM statements of the new template.
        policies: Added managed policies as (identity, policy).
        dropped_policies: Removed managed policies.
        rules: Added security group rules as (group, protocol, peer).
        sections: Changed parameters, conditions, mappings and outputs as (kind, name, differences).
    """

    stack: str
    resources: tuple[ChangedResource, ...]
    old_statements: tuple[Statement, ...]
    new_statements: tuple[Statement, ...]
    policies: tuple[tuple[str, ...], ...]
    dropped_policies: tuple[tuple[str, ...], ...]
    rules: tuple[tuple[str, ...], ...]
    sections: tuple[tuple[str, str, tuple[Difference, ...]], ...]


def compare_templates(pairs: Sequence[TemplatePair]) -> list[TemplateComparison]:
    """Compare the templates of each pair.

    Raises:
        ComparisonError: Node or the library is not installed, or a template cannot be read.
    """
    node = shutil.which("node")
    if not node:
        raise ComparisonError("node: not found. Install Node.js 22 or 24, which synthesis needs as well.")
    paths = [(each.stack, each.old and str(each.old), each.new and str(each.new)) for each in pairs]
    request = [{"stack": stack, "old": old, "new": new} for stack, old, new in paths]
    result = subprocess.run(
        [node, str(_SCRIPT)], input=json.dumps(request), capture_output=True, text=True, check=False
    )
    if result.returncode:
        missing = "ERR_MODULE_NOT_FOUND" in result.stderr
        remedy = "Install the packages of package.json: npm ci." if missing else "Check the template that it names."
        lines = [line.strip() for line in result.stderr.splitlines()]
        cause = ([line for line in lines if "Error" in line] or lines[-1:] or ["no message"])[0]
        raise ComparisonError(f"{_SCRIPT.name} ended with {result.returncode}: {cause}. {remedy}")
    return [_comparison(each) for each in json.loads(result.stdout)]


def _comparison(answer: Mapping[str, Any]) -> TemplateComparison:
    return TemplateComparison(
        stack=answer["stack"],
        resources=tuple(sorted(map(_resource, answer["resources"]), key=lambda each: (each.path, each.id))),
        old_statements=tuple(Statement.read(each) for each in answer["statements"]["old"]),
        new_statements=tuple(Statement.read(each) for each in answer["statements"]["new"]),
        policies=_rows(answer["policies"]["added"]),
        dropped_policies=_rows(answer["policies"]["removed"]),
        rules=_rows(answer["rules"]),
        sections=tuple((each["kind"], each["name"], _property_differences(each)) for each in answer["sections"]),
    )


def _rows(answer: Sequence[Mapping[str, str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(sorted({tuple(each.values()) for each in answer}))


def _resource(answer: Mapping[str, Any]) -> ChangedResource:
    replaced = answer["impact"] in {"WILL_REPLACE", "MAY_REPLACE"}
    # Neither policy is documented for a resource whose type changes: both must keep its content.
    policies = {
        answer.get(name)
        for name, counts in (("replace_policy", replaced), ("deletion_policy", not replaced))
        if counts or answer["type"] != answer["old_type"]
    }
    return ChangedResource(
        id=answer["id"],
        type=answer["type"],
        old_type=answer["old_type"],
        path=answer.get("path") or "",
        impact=answer["impact"],
        is_kept=all(str(policy).startswith(("Retain", "Snapshot")) for policy in policies),
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
