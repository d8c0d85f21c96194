# SPDX-License-Identifier: MIT-0
"""Compares what both versions of the app estimate to cost: a month and a retraining, and which items differ.

Each version prints its own estimate (``python -m stacks.costs.cost_estimate``), with its own prices and settings: a
title line with a sum, then a line an item with its dollars at the end.
"""

import dataclasses
import re
from collections.abc import Mapping
from typing import Final

from review.markdown import code_span

COMMAND: Final = ("-m", "stacks.costs.cost_estimate")
MODULE_PATH: Final = "stacks/costs/cost_estimate.py"
# The tables of the estimate that are compared, by the beginning of their titles, and what the reader is told.
_TABLES: Final = {"A month": "a month", "A retraining": "a retraining"}
_TITLE: Final = re.compile(r"(\S.*): (?:about|at least) \$([\d.]+)")
_ITEM: Final = re.compile(r"  (\S.*?)\s*(?:\$([\d.]+)|not in [\w.]+, so not counted)")
_SHOWN_ITEMS: Final = 3


@dataclasses.dataclass(frozen=True)
class CostTable:
    """One table of an estimate.

    Attributes:
        dollars: Its sum.
        items: Dollars by item; None where the price is not known.
    """

    dollars: float
    items: Mapping[str, float | None]


def parse_estimate(text: str) -> dict[str, CostTable]:
    """Return the tables of an estimate that are compared, by what they are the cost of."""
    found: dict[str, CostTable] = {}
    items: dict[str, float | None] = {}
    for line in text.splitlines():
        if title := _TITLE.fullmatch(line.rstrip()):
            items = {}
            name = next((name for start, name in _TABLES.items() if line.startswith(start)), "")
            if name:
                found[name] = CostTable(float(title[2]), items)
        elif item := _ITEM.fullmatch(line.rstrip()):
            items[item[1]] = float(item[2]) if item[2] else None
    return found


def cost_sentence(old: str, new: str) -> str:
    """Return the line on costs, as Markdown.

    Args:
        old: The estimate of the base, or the reason why there is none.
        new: The estimate of the branch, likewise.
    """
    before, after = parse_estimate(old), parse_estimate(new)
    if before.keys() != set(_TABLES.values()) or after.keys() != set(_TABLES.values()):
        side, reason = ("base", old) if before.keys() != set(_TABLES.values()) else ("branch", new)
        last = next((line.strip() for line in reversed(reason.splitlines()) if line.strip()), "it printed nothing")
        return f"Cost: not compared, because the {side} has no estimate: {code_span(last)}."
    changed = [name for name in _TABLES.values() if before[name] != after[name]]
    if not changed:
        return f"Cost: unchanged, about {' and '.join(f'${after[name].dollars:.2f} {name}' for name in after)}."
    sums = [
        f"${before[name].dollars:.2f} → ${after[name].dollars:.2f} {name}"
        if name in changed
        else f"${after[name].dollars:.2f} {name} as before"
        for name in _TABLES.values()
    ]
    reasons = [reason for name in changed for reason in _reasons(before[name].items, after[name].items)]
    more = f" and {len(reasons) - _SHOWN_ITEMS} more" if len(reasons) > _SHOWN_ITEMS else ""
    texts = [text for _, text in sorted(reasons, key=lambda each: -each[0])]
    return f"Cost: about {', '.join(sums)}, because of {'; '.join(texts[:_SHOWN_ITEMS])}{more}."


def _reasons(old: Mapping[str, float | None], new: Mapping[str, float | None]) -> list[tuple[float, str]]:
    """Return each item that differs with its weight; items on the same subject are one change."""
    gone = {what: dollars for what, dollars in old.items() if new.get(what, -1) != dollars}
    added = {what: dollars for what, dollars in new.items() if old.get(what, -1) != dollars}
    found = []
    for what, dollars in added.items():
        partner = next((each for each in gone if _subject(each) == _subject(what)), None)
        if partner is None:
            found.append((_weight(0.0, dollars), f"{code_span(what)}: new, {_dollars(dollars)}"))
            continue
        was = gone.pop(partner)
        text = code_span(what) if partner == what else f"{code_span(partner)} → {code_span(what)}"
        found.append((_weight(was, dollars), f"{text}: {_dollars(was)} → {_dollars(dollars)}"))
    return [*found, *((_weight(was, 0.0), f"{code_span(what)}: gone, {_dollars(was)}") for what, was in gone.items())]


def _subject(what: str) -> str:
    """Return what an item is about, without counts, types and minutes: ``Train``, ``staging volume``, ``alarm``."""
    subject, colon, rest = what.partition(":")
    if colon:
        return f"{subject} volume" if "volume" in rest else f"{subject} kept" if "kept" in rest else subject
    return re.sub(r"\d+|s\b", "", what).strip()


def _weight(old: float | None, new: float | None) -> float:
    return abs((new or 0.0) - (old or 0.0))


def _dollars(value: float | None) -> str:
    return "price unknown" if value is None else f"${value:.2f}"
