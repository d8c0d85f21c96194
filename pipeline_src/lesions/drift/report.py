# SPDX-License-Identifier: MIT-0
"""monitor.html: one file that opens offline and says first whether production still looks like the baseline.

The looks and the parts of the page are those of the evaluation's report (``page/`` of lesions).
"""

import base64
from pathlib import Path
from typing import Final

import jinja2

from pipeline_src import contract
from pipeline_src.lesions.drift import check, outcome, plot, statistic, truth
from pipeline_src.lesions.drift.check import Check
from pipeline_src.lesions.drift.outcome import Outcome
from pipeline_src.lesions.page import wording
from pipeline_src.lesions.report import FILTERS

FOLDER: Final = Path(__file__).parent
TEMPLATE: Final = "monitor.html.jinja"
_WORDS: Final = {
    outcome.EMPTY: "NO REQUESTS",
    outcome.TOO_FEW: "TOO FEW IMAGES",
    outcome.COMPARED: "NO VIOLATION",
}


def html(made: Outcome) -> str:
    """Return the page; the same outcome gives the same text."""
    return (
        _environment()
        .get_template(TEMPLATE)
        .render(
            outcome=made,
            word="VIOLATED" if made.violations else _WORDS[made.status],
            kind="reject" if made.violations else "pass" if made.status == outcome.COMPARED else "",
            sentence=made.message.partition(": ")[2],
            drawn={each.name.removesuffix(".png"): each for each in plot.plots(made)},
            rejections=made.window.rejections.as_json(),
            problems={} if made.truth is None else truth.named(made.truth.problems),
            least=made.known.constraints.least,
        )
    )


def moved(each: Check) -> str:
    """Return where a feature moved, in a word."""
    if each.direction is None or not each.significant:
        return ""
    return "higher" if each.direction > 0 else "lower"


def side(value: float, each: Check) -> str:
    """Return the median or share of one side of a check."""
    if each.test in {check.SHARE, check.MIX}:
        return f"{value:.1%}"
    return f"{value:.4g}".replace("-", "\u2212")


def _environment() -> jinja2.Environment:
    """Return what renders the templates: everything is escaped, and a value that is not given is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([FOLDER, FOLDER.parent / "page"]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS, moved=moved, data_uri=_data_uri)  # all that part.html.jinja asks for
    environment.globals.update(
        titles=outcome.TITLES,
        side=side,
        mix=statistic.CLASS_MIX,
        class_titles=contract.CLASS_TITLES,
        exact_mark=wording.EXACT_MARK,
    )
    return environment


def _data_uri(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
