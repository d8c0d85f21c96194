# SPDX-License-Identifier: MIT-0
"""Replaces CloudFormation's intrinsic functions by readable text, so that values can be compared by meaning.

``{"Ref": "Key"}`` becomes ``${Key}``, the parts of Fn::Join are joined, and text that is itself a JSON document (a
pipeline, a state machine, a dashboard) becomes that document.
Source: CloudFormation User Guide, "Intrinsic function reference".
"""

import json
import re
from collections.abc import Callable
from typing import Any, Final

_NO_VALUE: Final = {"Ref": "AWS::NoValue"}
# Names that the CDK gives to exports: ExportsOutput, Ref or FnGetAtt, a logical id that ends in a hash, the attribute,
# and a hash of the whole.
_EXPORT: Final = re.compile(r"ExportsOutput(?:Ref|FnGetAtt)(\w+?)[0-9A-F]{8}(?:([A-Za-z]+?))?[0-9A-F]{8}")
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
