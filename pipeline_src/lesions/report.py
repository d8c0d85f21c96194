# SPDX-License-Identifier: MIT-0
"""report.html: one file that opens offline, on a phone too, and says first whether the model passed.

The templates in page/ hold words and looks; this module gives them values. A new section is a template, a line in
page.html.jinja and in `SECTIONS`, and, where it has pictures, a line in `plots_of`.
"""

import base64
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

import jinja2
from matplotlib import style

from pipeline_src import contract
from pipeline_src.lesions import audit, leakage, mistakes, statement
from pipeline_src.lesions.document import addition_sha256, archive_sha256
from pipeline_src.lesions.evaluation import Evaluation
from pipeline_src.lesions.page import champion, finding, title, wording
from pipeline_src.lesions.plot import curve, interval, reliability
from pipeline_src.lesions.plot.canvas import Plot
from pipeline_src.lesions.plot.confusion import confusion
from pipeline_src.lesions.subgroup import Subgroup

PAGE: Final = Path(__file__).parent / "page"
TEMPLATE: Final = "page.html.jinja"
MISTAKES: Final = 12
TWINS: Final = 6  # pairs of look-alikes that are shown; the dataset card has more
# The sections in the order of the page: id, and name in the table of contents.
SECTIONS: Final = {
    "verdict": "Verdict",
    "requirements": "Requirements",
    "champion": "Champion",
    "classes": "By class",
    "curves": "Curves",
    "confusion": "Confusion",
    "mistakes": "Worst mistakes",
    "subgroups": "Subgroups",
    "calibration": "Calibration",
    "official": "Official test set",
    "dataset": "Dataset and leaks",
    "provenance": "Provenance",
    "glossary": "Glossary",
}
ATTRIBUTES: Final = {"localization": "Site", "dx_type": "Confirmed by"}  # those that need other words
FILTERS: Final[dict[str, Callable[..., str]]] = {
    "figure": wording.figure,
    "signed": wording.signed,
    "interval": wording.interval,
    "signed_interval": wording.signed_interval,
    "probability": wording.probability,
    "percent": wording.percent,
    "count": wording.count,
    "size": wording.size,
}


def files(evaluation: Evaluation, pictures: Path) -> dict[str, bytes]:
    """Return the report and its plots, content by file name.

    Args:
        evaluation: what to report.
        pictures: the folder of the held-out JPEGs, for the mistakes and the twins.
    """
    drawn = plots_of(evaluation)
    page = html(evaluation, drawn, pictures)
    return {**{plot.name: plot.png for plot in drawn}, contract.REPORT: page.encode()}


def plots_of(evaluation: Evaluation) -> list[Plot]:
    """Return the plots in the order of the report; some there are only where there is something to show."""
    with style.context("default"):  # whatever a matplotlibrc on this machine says
        return [plot for plot in _drawn(evaluation) if plot is not None]


def _drawn(evaluation: Evaluation) -> Iterator[Plot | None]:
    test, figures, official = evaluation.test, evaluation.figures, evaluation.official
    yield interval.champion(evaluation.comparison, margins(evaluation))
    yield interval.classes(figures)
    yield curve.roc(test, figures)
    yield curve.precision_recall(test, figures)
    yield confusion(test, "confusion_matrix.png", "test images")
    yield interval.subgroups(evaluation.subgroups, figures.balanced_accuracy.value)
    yield reliability.reliability(evaluation.calibration)
    if official is not None:
        yield confusion(official, "confusion_matrix_official.png", "official test images")


def margins(evaluation: Evaluation) -> dict[str, float | None]:
    """Return the loss that the gate allows against the champion, by the name of the figure."""
    wanted = {each.name: each.wanted for each in evaluation.verdict.requirements}
    return {name: wanted.get(requirement) for name, (_, requirement) in champion.FIGURES.items()}


def html(evaluation: Evaluation, drawn: list[Plot], pictures: Path) -> str:
    """Return the page; the same evaluation gives the same text."""
    return (
        _environment()
        .get_template(TEMPLATE)
        .render(
            evaluation=evaluation,
            passed=evaluation.verdict.verdict == contract.VERDICT_PASS,
            sections={id_: name for id_, name in SECTIONS.items() if id_ != "official" or evaluation.official_figures},
            plots={plot.name.removesuffix(".png"): plot for plot in drawn},
            notices=finding.of(evaluation),
            subgroups=_by_attribute(evaluation.subgroups),
            pairs={champion.FIGURES[name][0]: pair for name, pair in evaluation.comparison.pairs.items()},
            mistakes=mistakes.worst(evaluation.test, pictures, MISTAKES),
            wrong_total=int((evaluation.test.truth != evaluation.test.predicted).sum()),
            twins=_twins(evaluation.leakage, pictures),
            counts=_counts(evaluation),
            sources=_mapping(evaluation.card.get("sources")),
            warnings=_warnings(evaluation),
            archive_sha256=archive_sha256(evaluation.card),
            addition_sha256=addition_sha256(evaluation.card),
            added=_added(evaluation),
            skin_tone=statement.SKIN_TONE,
        )
    )


def _environment() -> jinja2.Environment:
    """Return what renders the templates: everything is escaped, and a value that is not given is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PAGE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS, data_uri=_data_uri)
    environment.globals.update(
        audit=audit,
        class_titles=contract.CLASS_TITLES,
        splits=contract.SPLITS,
        requirement_title=title.title,
        requirement_note=title.note,
        sentence=title.sentence,
        synthetic=finding.synthetic,
        exact_mark=wording.EXACT_MARK,
    )
    return environment


def _data_uri(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _twins(found: leakage.Leakage, pictures: Path) -> list[tuple[leakage.Twin, list[bytes | None]]]:
    """Return the first pairs of look-alikes with the pictures of those that were held out, as no other is here."""
    shown = found.twins[:TWINS]
    return [(twin, [mistakes.thumbnail(pictures / f"{image}.jpg") for image in twin.images]) for twin in shown]


def _by_attribute(groups: Iterable[Subgroup]) -> dict[str, list[Subgroup]]:
    """Return the subgroups below the heading of what they share, in the order given."""
    headed: dict[str, list[Subgroup]] = {}
    for group in groups:
        headed.setdefault(ATTRIBUTES.get(group.attribute, group.attribute.capitalize()), []).append(group)
    return headed


def _counts(evaluation: Evaluation) -> dict[str, dict[str, object]]:
    """Return the images by class and split as the card has them; None where it does not say."""
    by_class = _mapping(_mapping(evaluation.card.get("images")).get("by_class_and_split"))
    return {
        label: {split: _mapping(by_class.get(label)).get(split) for split in contract.SPLITS}
        for label in contract.CLASS_LABELS
    }


def _added(evaluation: Evaluation) -> dict[str, object]:
    """Return how many images of each split are of the additional archive; nothing where there is none."""
    counts = _mapping(_mapping(evaluation.card.get("addition")).get("images_by_split"))
    return {split: count for split, count in counts.items() if count}


def _warnings(evaluation: Evaluation) -> list[str]:
    warnings = evaluation.card.get("warnings")
    return [str(warning) for warning in warnings] if isinstance(warnings, list) else []


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
