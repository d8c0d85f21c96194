# SPDX-License-Identifier: MIT-0
"""The limits of every value in a request: enums, patterns, lengths and bounds, as botocore's models state them.

botocore itself checks names, types and lower bounds before it sends, and leaves the rest to the service.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape


def problems(value: Any, shape: Shape, place: str = "") -> Iterator[str]:
    """Yield what in `value`, whose names and types fit `shape`, the service would refuse."""
    if isinstance(shape, StructureShape):
        for name, each in value.items():
            yield from problems(each, shape.members[name], f"{place}.{name}")
    elif isinstance(shape, MapShape):
        yield from _size(len(value), shape, place)
        for name, each in value.items():
            yield from problems(name, shape.key, f"{place} key {name}")
            yield from problems(each, shape.value, f"{place}.{name}")
    elif isinstance(shape, ListShape):
        yield from _size(len(value), shape, place)
        for number, each in enumerate(value):
            yield from problems(each, shape.member, f"{place}[{number}]")
    elif isinstance(shape, StringShape):
        yield from _size(len(value), shape, place)
        yield from _text(value, shape, place)
    elif not isinstance(value, bool) and isinstance(value, int | float):
        yield from _size(value, shape, place)


def _size(size: float, shape: Shape, place: str) -> Iterator[str]:
    low, high = shape.metadata.get("min", size), shape.metadata.get("max", size)
    if not low <= size <= high:
        yield f"{place}: {size} is not from {low} to {high}"


def _text(value: str, shape: StringShape, place: str) -> Iterator[str]:
    if shape.enum and value not in shape.enum:
        yield f"{place}: {value!r} is none of the service's values"
    pattern = shape.metadata.get("pattern")
    compiled = _compiled(pattern) if pattern else None
    if compiled and not compiled.search(value):
        yield f"{place}: {value!r} does not match {pattern}"


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """Return a Java pattern of the service in Python's words; None if it says what Python cannot."""
    try:
        return re.compile(f"^(?:{_translated(pattern)})$")
    except re.error:
        return None


def _translated(pattern: str) -> str:
    for java, python in (
        (r"\p{L}", r"\w"),
        (r"\p{N}", r"\d"),
        (r"\p{Z}", r"\s"),
        (r"\p{M}", ""),
        (r"\p{S}", r"$+<=>^`|~"),
        (r"\p{P}", r"!-#%-*,-/:;?@\[\\\]_{}"),
    ):
        pattern = pattern.replace(java, python)
    # A repeated anchor, as in ([a-z]*)${1,256}, means nothing that its length limit does not say.
    return re.sub(r"\$\{\d+,\d+\}$", "", pattern)
