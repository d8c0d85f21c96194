# SPDX-License-Identifier: MIT-0
"""Formats notes, values and tables as GitHub-flavoured Markdown.

Text from a template is shown as code, so that it cannot act as markup.
"""

import dataclasses
import html
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from review.template_diff import ABSENT, Difference

_MAXIMUM_VALUE: Final = 120  # characters
_COMMON_PREFIX: Final = 24  # characters shown before the first difference of two long values
_ELLIPSIS: Final = "…"


def code_span(value: Any, longest: int = _MAXIMUM_VALUE) -> str:  # noqa: ANN401  any JSON
    """Return `value` as a code span of one line, truncated to `longest` characters."""
    text = _one_line(value)
    if len(text) > longest:
        text = text[: longest - 1] + _ELLIPSIS
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence} {text} {fence}" if text.startswith("`") or text.endswith("`") else f"{fence}{text}{fence}"


def old_and_new(difference: Difference) -> str:
    """Return the old and the new value; long values are shown from shortly before their first difference."""
    old, new = difference.old, difference.new
    if new is ABSENT:
        return f"{code_span(old)} is removed"
    if old is ABSENT:
        return f"now {code_span(new)}"
    before, after = _skip_common_prefix(_one_line(old), _one_line(new))
    return f"{code_span(before)} → {code_span(after)}"


def table_row(cells: Iterable[str]) -> str:
    """Return a row of a table; bars in cells are escaped, because even in code they would begin the next cell."""
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    return "\n".join([table_row(header), table_row("---" for _ in header), *map(table_row, rows)])


def bullet_list(lines: Iterable[str]) -> str:
    """Return a list."""
    return "\n".join(f"- {line}" for line in lines)


def folded_block(title: str, remark: str, body: str) -> str:
    """Return a collapsed block with a title and a remark."""
    summary = f"<code>{html.escape(title)}</code>: {html.escape(remark)}"
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"


def count_of(number: int, noun: str) -> str:
    """Return a number with its noun, such as ``1 stack`` or ``2 stacks``."""
    return f"{number} {noun if number == 1 else noun + 's'}"


def _one_line(value: Any) -> str:  # noqa: ANN401  any JSON
    if value == "":
        return '""'
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
    return " ".join(text.split()) or " "


def _skip_common_prefix(old: str, new: str) -> tuple[str, str]:
    if max(len(old), len(new)) <= _MAXIMUM_VALUE:
        return old, new
    common = next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    start = common - _COMMON_PREFIX
    return (old, new) if start <= 0 else (_ELLIPSIS + old[start:], _ELLIPSIS + new[start:])


@dataclasses.dataclass(frozen=True)
class ReviewNote:
    """One statement of the review.

    Attributes:
        text: Markdown, without a full stop.
        needs_attention: Whether a person should look at it before the merge.
    """

    text: str
    needs_attention: bool = False


def alarming_notes(notes: Iterable[ReviewNote]) -> list[ReviewNote]:
    """Return those that need attention."""
    return [each for each in notes if each.needs_attention]
