# SPDX-License-Identifier: MIT-0
"""CloudFormation's intrinsic functions as text that a person reads, so that values can be compared by meaning.

``{"Ref": "Key"}`` becomes ``${Key}``; text that was cut up by Fn::Join is joined again; and text that is itself a
JSON document (a pipeline, a state machine, a dashboard) becomes that document.
Source of the functions: CloudFormation's User Guide, "Intrinsic function reference".
"""

import json
import re
from collections.abc import Callable
from typing import Any, Final

_NO_VALUE: Final = {"Ref": "AWS::NoValue"}
# ExportsOutput, then Ref or FnGetAtt, a logical id that ends in a hash, the attribute, and a hash of the whole.
_EXPORT: Final = re.compile(r"ExportsOutput(?:Ref|FnGetAtt)(\w+?)[0-9A-F]{8}(?:([A-Za-z]+?))?[0-9A-F]{8}")
# The library that compares templates leaves the functions that it cannot shorten as JSON inside a text.
_LEFT: Final = re.compile(r'\{"(?:Fn::\w+)":(?:"[^"]*"|\[[^\[\]]*\])\}')


def resolve_intrinsics(value: Any) -> Any:  # noqa: ANN401  any JSON
    """Return `value` with text in place of its functions, and documents in place of their text."""
    if isinstance(value, list):
        return [resolve_intrinsics(each) for each in value if each != _NO_VALUE]
    if not isinstance(value, dict):
        return _document(value) if isinstance(value, str) else value
    if len(value) == 1:
        ((function, argument),) = value.items()
        if function == "Ref" or function.startswith("Fn::"):
            return _document(_text(function, argument))
    return {key: resolve_intrinsics(each) for key, each in value.items() if each != _NO_VALUE}


def shorten_intrinsics(text: str) -> str:
    """Return a text of the comparing library with no functions in it."""
    return _LEFT.sub(lambda found: str(resolve_intrinsics(json.loads(found.group()))), text)


def _document(text: str) -> Any:  # noqa: ANN401  any JSON
    if not text.startswith(("{", "[")):
        return text
    try:
        # What a document contains may be cut up once more.
        return resolve_intrinsics(json.loads(text))
    except ValueError:
        return text


def _text(function: str, argument: Any) -> str:  # noqa: ANN401  any JSON
    known = _FUNCTIONS.get(function)
    try:
        return known(argument) if known else _other(function, argument)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        # A macro may use a function in a shape of its own.
        return _other(function, argument)


def _word(value: Any) -> str:  # noqa: ANN401  any JSON
    """Return one part of a joined text, before it is looked at as a document."""
    if isinstance(value, dict) and len(value) == 1:
        ((function, argument),) = value.items()
        return _text(function, argument)
    if isinstance(value, list | dict):
        # No quotes: the text around it may be JSON.
        return json.dumps(value, sort_keys=True).replace('"', "").replace("\\", "")
    return str(value)


def _join(argument: Any) -> str:  # noqa: ANN401  any JSON
    separator, parts = argument
    if isinstance(parts, dict):
        return "${join " + f"{separator} {_word(parts)}" + "}"
    return str(separator).join(_word(part) for part in parts if part != _NO_VALUE)


def _sub(argument: Any) -> str:  # noqa: ANN401  any JSON
    text, values = (argument, {}) if isinstance(argument, str) else argument
    for name, value in values.items():
        text = text.replace("${" + name + "}", _word(value))
    return str(text)


def _other(function: str, argument: Any) -> str:  # noqa: ANN401  any JSON
    words = argument if isinstance(argument, list) else [argument]
    return "${" + " ".join([function.removeprefix("Fn::"), *map(_word, words)]) + "}"


def _import(argument: Any) -> str:  # noqa: ANN401  any JSON
    """Return an import of another stack's value by what is exported: the CDK's names for exports say it."""
    stack, _, name = _word(argument).rpartition(":")
    found = _EXPORT.fullmatch(name)
    what = ".".join(filter(None, found.groups())) if found else name
    return "${" + (f"{stack}/{what}" if stack else what) + "}"


def _attribute(argument: Any) -> str:  # noqa: ANN401  any JSON
    return "${" + (argument if isinstance(argument, str) else ".".join(map(_word, argument))) + "}"


_FUNCTIONS: Final[dict[str, Callable[[Any], str]]] = {
    "Ref": lambda argument: "${" + argument + "}",
    "Fn::GetAtt": _attribute,
    "Fn::Join": _join,
    "Fn::ImportValue": _import,
    "Fn::Sub": _sub,
}
