# SPDX-License-Identifier: MIT-0
"""Values and rows as GitHub-flavoured Markdown. What a template holds is shown as code, so that it can't be markup.

One sentence of a review.
"""

import dataclasses
import html
import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from review.template_diff import ABSENT, Difference

_LONGEST: Final = 120
_BEFORE: Final = 24
_CUT: Final = "…"


def code_span(value: Any, longest: int = _LONGEST) -> str:  # noqa: ANN401  any JSON
    """Return `value` as a code span of one line, cut off after `longest` characters."""
    text = _cut(_text(value), longest)
    fence = "`" * (1 + _run(text))
    return f"{fence} {text} {fence}" if text.startswith("`") or text.endswith("`") else f"{fence}{text}{fence}"


def old_and_new(difference: Difference) -> str:
    """Return the old and the new value in words; of long ones, the part from where they differ."""
    old, new = difference.old, difference.new
    if new is ABSENT:
        return f"{code_span(old)} is gone"
    if old is ABSENT:
        return f"now {code_span(new)}"
    before, after = _from_where_they_differ(_text(old), _text(new))
    return f"{code_span(before)} → {code_span(after)}"


def table_row(cells: Iterable[str]) -> str:
    """Return a table's row; a bar inside a cell, even in code, would begin the next cell."""
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    return "\n".join([table_row(header), table_row("---" for _ in header), *map(table_row, rows)])


def bullet_list(lines: Iterable[str]) -> str:
    """Return a list."""
    return "\n".join(f"- {line}" for line in lines)


def folded_block(title: str, remark: str, body: str) -> str:
    """Return a block that opens on a click."""
    summary = f"<code>{html.escape(title)}</code>: {html.escape(remark)}"
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"


def count_of(number: int, noun: str) -> str:
    """Return, say, ``1 stack`` or ``2 stacks``."""
    return f"{number} {noun if number == 1 else noun + 's'}"


def _text(value: Any) -> str:  # noqa: ANN401  any JSON
    if value == "":
        return '""'
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
    return " ".join(text.split()) or " "


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + _CUT


def _run(text: str) -> int:
    """Return the length of the longest run of backticks."""
    longest = run = 0
    for each in text:
        run = run + 1 if each == "`" else 0
        longest = max(longest, run)
    return longest


def _from_where_they_differ(old: str, new: str) -> tuple[str, str]:
    if max(len(old), len(new)) <= _LONGEST:
        return old, new
    same = next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    start = same - _BEFORE
    return (old, new) if start <= 0 else (_CUT + old[start:], _CUT + new[start:])


@dataclasses.dataclass(frozen=True)
class ReviewNote:
    """One sentence.

    Attributes:
        text: Markdown, without a full stop.
        needs_attention: Whether somebody should look at it before it is merged.
    """

    text: str
    needs_attention: bool = False


def alarming_notes(notes: Iterable[ReviewNote]) -> list[ReviewNote]:
    """Return those that need attention."""
    return [each for each in notes if each.needs_attention]
