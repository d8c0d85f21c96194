# SPDX-License-Identifier: MIT-0
"""Where two JSON values differ: the smallest places, each with its old and its new value.

Lists are matched by the names that their elements carry, where they have names; so one more step, tag or rule is one
difference, and the elements after it are none.
"""

import dataclasses
import difflib
import json
import re
from collections.abc import Iterator
from typing import Any, Final

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


def differences(old: Any, new: Any, path: str = "") -> list[Difference]:  # noqa: ANN401  any JSON
    """Return where `old` and `new` differ, in the order of paths; ABSENT says that a side has nothing."""
    return list(_differences(old, new, path))


def _differences(old: Any, new: Any, path: str) -> Iterator[Difference]:  # noqa: ANN401  any JSON
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _differences(old.get(key, ABSENT), new.get(key, ABSENT), f"{path}.{key}" if path else key)
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
        yield from _differences(olds.get(key, ABSENT), news.get(key, ABSENT), f"{path}[{key}]")
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
            yield from _differences(before, after, f"{path}[{(c if after is not ABSENT else a) + offset}]")
