# SPDX-License-Identifier: MIT-0
"""report.html: one file that opens offline, on a phone too, and says first whether the model passed.

The template holds words and looks; this module gives it values. A new section is a block in the template and, where
it has pictures, a line in `plots_of`.
"""

import base64
from pathlib import Path
from typing import Final

import jinja2
from matplotlib import style

from pipeline_src import contract
from pipeline_src.lesions import mistakes, plots
from pipeline_src.lesions.evaluation import Evaluation, archive_sha256, figure

TEMPLATE: Final = "report.html.jinja"
MISTAKES: Final = 12
SYNTHETIC: Final = "synthetic"  # the value of the metadata's `dataset` column that the sample archive carries
REQUIREMENTS: Final = {
    "balanced_accuracy": ("Balanced accuracy", "mean of the seven classes"),
    "melanoma_sensitivity": ("Melanoma sensitivity", "at the operating point"),
    "class_sensitivity": ("Class sensitivity", "of the weakest class"),
    "test_images": ("Test images", "of the rarest class"),
}


def files(evaluation: Evaluation, pictures: Path) -> dict[str, bytes]:
    """Return the report and its plots, content by file name.

    Args:
        evaluation: what to report.
        pictures: the folder of the held-out JPEGs, for the grid of mistakes.
    """
    drawn = plots_of(evaluation)
    page = html(evaluation, drawn, mistakes.worst(evaluation.test, pictures, MISTAKES))
    return {**{plot.name: plot.png for plot in drawn}, contract.REPORT: page.encode()}


def plots_of(evaluation: Evaluation) -> list[plots.Plot]:
    """Return the plots in the order of the report."""
    with style.context("default"):  # whatever a matplotlibrc on this machine says
        return [plots.roc(evaluation), plots.confusion(evaluation), plots.per_class(evaluation)]


def html(evaluation: Evaluation, drawn: list[plots.Plot], wrong: list[mistakes.Mistake]) -> str:
    """Return the page; the same evaluation gives the same text."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["figure"] = figure
    environment.filters["data_uri"] = _data_uri
    return environment.get_template(TEMPLATE).render(
        evaluation=evaluation,
        passed=evaluation.verdict.verdict == contract.VERDICT_PASS,
        plots={plot.name.removesuffix(".png"): plot for plot in drawn},
        mistakes=wrong,
        wrong_total=int((evaluation.test.truth != evaluation.test.predicted).sum()),
        requirement_titles=REQUIREMENTS,
        class_titles=contract.CLASS_TITLES,
        splits=contract.SPLITS,
        counts=_counts(evaluation),
        synthetic=_synthetic(evaluation),
        sources=_mapping(evaluation.card.get("sources")),
        warnings=_warnings(evaluation),
        archive_sha256=archive_sha256(evaluation.card),
    )


def _data_uri(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _counts(evaluation: Evaluation) -> dict[str, dict[str, object]]:
    """Return the images by class and split as the card has them; None where it does not say."""
    by_class = _mapping(_mapping(evaluation.card.get("images")).get("by_class_and_split"))
    return {
        label: {split: _mapping(by_class.get(label)).get(split) for split in contract.SPLITS}
        for label in contract.CLASS_LABELS
    }


def _synthetic(evaluation: Evaluation) -> bool:
    return bool(_mapping(evaluation.card.get("sources")).get(SYNTHETIC))


def _warnings(evaluation: Evaluation) -> list[str]:
    warnings = evaluation.card.get("warnings")
    return [str(warning) for warning in warnings] if isinstance(warnings, list) else []


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
