# SPDX-License-Identifier: MIT-0
"""What evaluation.json says, on a terminal: the figures, the champion, and the gate's table with what matters first."""

import math
from collections.abc import Iterator, Mapping
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from local.document import Json, Object
from pipeline_src import contract

_STYLES: Final = {contract.VERDICT_PASS: "green", contract.VERDICT_REJECT: "red"}
# The gate's verdicts in the order in which a reader wants them: what stands in the way comes first.
_MARKS: Final = {
    "missed": "bold red",
    "not evaluable": "bold red",
    "no champion": "yellow",
    "not compared": "yellow",
    "not asked for": "yellow",
    "met": "green",
}
_SENSES: Final = {"at least": ">=", "at most": "<="}


def show(evaluation: Mapping[str, Json], console: Console) -> None:
    """Print the content of evaluation.json; older ones, without intervals and champion, are read too."""
    console.print("\nOn the test images")
    console.print(_figures(evaluation))
    if "champion" in evaluation:
        console.print(_champion(evaluation["champion"]))
    gate = evaluation.get("gate", {})
    verdict = str(gate.get("verdict"))
    console.print(Text.assemble("\nGate: ", (verdict, f"bold {_STYLES.get(verdict, '')}")))
    console.print(_requirements(gate.get("requirements", [])))


def number(value: Json) -> str:
    """Return a figure for reading; cut, not rounded, so that a miss never reads as the floor that it missed."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124  NaN alone differs from itself
        return "none"
    return f"{value:,}" if isinstance(value, int) else f"{int(value * 10_000 + 1e-6) / 10_000:.4f}"


def _figures(evaluation: Mapping[str, Json]) -> Table:
    table = _table("metric", "value", "95 % interval", "images")
    melanoma = evaluation.get("melanoma", {})
    measured = {name: evaluation.get(name.replace(" ", "_")) for name in ("balanced accuracy", "accuracy")}
    if "malignant_sensitivity" in evaluation:
        measured["malignant sensitivity"] = evaluation["malignant_sensitivity"]
    measured |= {f"melanoma {name}": melanoma.get(name) for name in ("sensitivity", "specificity", "auc")}
    for name, figure in measured.items():
        table.add_row(name, *_estimate(figure))
    return table


def _estimate(figure: Json) -> tuple[str, str, str]:
    """Return value, interval and number of images; a bare number, as an older evaluation has it, has no more."""
    if not isinstance(figure, dict):
        return number(figure), "", ""
    return number(figure.get("value")), _interval(figure), number(figure.get("images"))


def _interval(figure: Mapping[str, Json]) -> str:
    """Return the interval with its ends cut outwards, as the gate's own table has it."""
    lower, upper = figure.get("lower"), figure.get("upper")
    if lower is None or upper is None:
        return ""
    return f"{number(lower)} to {math.ceil(upper * 10_000 - 1e-6) / 10_000:.4f}"


def _champion(found: Mapping[str, Json]) -> Text:
    """Return with which model this one was compared and what came of it, or why there was nothing to compare."""
    status, package = str(found.get("status")), str(found.get("package"))
    named = package.partition(":model-package/")[2] or package
    style = {"refused": "bold red", "absent": "yellow", "waived": "yellow"}.get(status, "bold")
    differences = list(_differences(found))
    if not differences:
        return Text.assemble("Champion: ", (f"{status}, {named}", style), f". {found.get('reason')}")
    counts = f"{number(found.get('fixed'))} images better, {number(found.get('broken'))} worse"
    said = f", on {number(found.get('images'))} shared images: {'; '.join(differences)}; {counts}"
    return Text.assemble("Champion: ", (f"{status}, {named}", style), said)


def _differences(found: Mapping[str, Json]) -> Iterator[str]:
    for name in ("balanced_accuracy", "melanoma_sensitivity", "melanoma_specificity"):
        difference = (found.get(name) or {}).get("difference") or {}
        value, lower, upper = (difference.get(part) for part in ("value", "lower", "upper"))
        if value is not None:
            interval = "" if lower is None or upper is None else f" ({lower:+.4f} to {upper:+.4f})"
            yield f"{name.replace('_', ' ')} {value:+.4f}{interval}"


def _requirements(items: list[Object]) -> Table:
    table = _table("requirement", "wanted", "got", "95 % interval", "n", "")
    for item in sorted(items, key=lambda item: list(_MARKS).index(_verdict(item))):
        table.add_row(*_requirement(item), Text(_verdict(item), style=_MARKS[_verdict(item)]))
    return table


def _requirement(item: Mapping[str, Json]) -> tuple[str, ...]:
    """Return a row of words; the name in words too, so that it folds between them on a narrow terminal."""
    name = str(item["name"]).replace("_", " ") + (f", {item['place']}" if item.get("place") else "")
    sense = _SENSES.get(str(item.get("sense")), ">=")
    wanted = "none" if item["wanted"] is None else f"{sense} {item['wanted']:g}"
    got = number(item["got"]) if "got_text" not in item or item["got"] is None else str(item["got_text"])
    images = "" if item.get("images") is None else number(item["images"])
    return name, wanted, got, str(item.get("interval_text") or ""), images


def _verdict(item: Mapping[str, Json]) -> str:
    said = str(item.get("verdict"))
    return said if said in _MARKS else "met" if item["passed"] else "missed"


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(first)
    for title in others:
        table.add_column(title, justify="right", no_wrap=True)
    return table
