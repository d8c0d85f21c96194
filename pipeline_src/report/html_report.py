# SPDX-License-Identifier: MIT-0
"""Renders report.html: one file that opens offline and on a phone, and shows the verdict first.

The templates in templates/ hold text and layout, and this module provides their values. A new section is a template
and an entry in `REPORT_SECTIONS`; its plots, if any, are added in `draw_plots`.
"""

import base64
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

import jinja2
from matplotlib import style

from pipeline_src import contract, gate, rejection_advice
from pipeline_src.algorithms.serving.image_predictor import ImagePredictor
from pipeline_src.evaluation.evaluation_json import ModelEvaluation, addition_sha256_of_card, archive_sha256_of_card
from pipeline_src.evaluation.subgroup_metrics import Subgroup
from pipeline_src.leakage import audit_summary
from pipeline_src.report import (
    activation_maps,
    forest_plots,
    report_findings,
    report_identity,
    report_pictures,
    report_plots,
    report_wording,
    training_curves,
)
from pipeline_src.report.activation_maps import MappedImages
from pipeline_src.report.report_plots import ReportPlot, plot_confusion_matrix

TEMPLATE_FOLDER: Final = Path(__file__).parent / "templates"
PAGE_TEMPLATE: Final = "page.html.jinja"
SHOWN_MISTAKES: Final = 12
SHOWN_MISSED: Final = 48  # missed melanomas with a picture; the others are listed by id
SHOWN_PAIRS: Final = 6  # near-duplicate pairs shown; the dataset card has more
# The sections in the order of the page: id and name in the table of contents.
REPORT_SECTIONS: Final = {
    "verdict": "Verdict",
    "requirements": "Requirements",
    "champion": "Champion",
    "threshold": "At the threshold",
    "classes": "By class",
    "curves": "Curves",
    "confusion": "Confusion",
    "mistakes": "Worst errors",
    "maps": "Activation maps",
    "subgroups": "Subgroups",
    "calibration": "Calibration",
    "official": "Official test set",
    "dataset": "Dataset and leaks",
    "training": "Training",
    "provenance": "Provenance",
    "glossary": "Glossary",
}
ATTRIBUTE_TITLES: Final = {
    "localization": "Site",
    "dx_type": "Confirmed by",
}  # others: capitalized
TEMPLATE_FILTERS: Final[dict[str, Callable[..., str]]] = {
    "figure": report_wording.format_value,
    "signed": report_wording.format_difference,
    "interval": report_wording.format_interval,
    "with_interval": report_wording.format_value_with_interval,
    "signed_interval": report_wording.format_difference_interval,
    "probability": report_wording.format_p_value,
    "percent": report_wording.format_percent,
    "count": report_wording.format_count,
    "frequency": report_wording.format_frequency,
    "size": report_wording.format_sample_size,
}


def report_files(
    evaluation: ModelEvaluation, pictures: Path, predictor: ImagePredictor | None = None
) -> dict[str, bytes]:
    """Return the report and its plots, content by file name.

    Args:
        evaluation: the evaluation to report.
        pictures: the folder of the held-out images, for thumbnails of errors and near-duplicates.
        predictor: the model, for activation maps; None, or a model without class maps: the report has none.
    """
    drawn = draw_plots(evaluation)
    page = render_report(evaluation, drawn, pictures, activation_maps.map_images(evaluation.test, pictures, predictor))
    return {**{plot.name: plot.png for plot in drawn}, contract.REPORT_FILE: page.encode()}


def draw_plots(evaluation: ModelEvaluation) -> list[ReportPlot]:
    """Return the plots in the order of the report, without those that have no data."""
    with style.context("default"):  # independent of a matplotlibrc on this machine
        return [plot for plot in _drawn(evaluation) if plot is not None]


def _drawn(evaluation: ModelEvaluation) -> Iterator[ReportPlot | None]:
    test, figures, official = evaluation.test, evaluation.figures, evaluation.official
    yield forest_plots.plot_champion_differences(evaluation.comparison, allowed_losses(evaluation))
    yield forest_plots.plot_class_sensitivity(figures)
    yield report_plots.plot_roc_curves(test, figures)
    yield report_plots.plot_precision_recall(test, figures)
    yield report_plots.plot_decision_curve(evaluation.clinical.decision_curve)
    yield plot_confusion_matrix(test, "confusion_matrix.png", "test images")
    yield forest_plots.plot_subgroups(evaluation.subgroups, figures.balanced_accuracy.value)
    yield report_plots.plot_reliability(evaluation.calibration)
    yield training_curves.plot_training_curves(evaluation.training)
    yield report_plots.plot_melanoma_calibration(evaluation.calibration.melanoma)
    if official is not None:
        yield plot_confusion_matrix(official, "confusion_matrix_official.png", "official test images")


def allowed_losses(evaluation: ModelEvaluation) -> dict[str, float | None]:
    """Return the loss against the champion that the gate allows, by metric."""
    wanted = {each.name: each.wanted for each in evaluation.verdict.requirements}
    return {name: wanted.get(requirement) for name, (_, requirement) in report_findings.COMPARED_FIGURES.items()}


def render_report(
    evaluation: ModelEvaluation, drawn: list[ReportPlot], pictures: Path, maps: MappedImages | None = None
) -> str:
    """Return the page; the same evaluation gives the same bytes."""
    content = {"official": evaluation.official_figures, "maps": maps, "training": evaluation.training}
    return (
        _template_environment()
        .get_template(PAGE_TEMPLATE)
        .render(
            evaluation=evaluation,
            passed=evaluation.verdict.verdict == contract.VERDICT_PASS,
            title=report_identity.report_title(evaluation),
            heading=report_identity.report_heading(evaluation),
            identity=report_identity.report_identity(evaluation),
            judged=_judged_requirements(evaluation.verdict),
            excused=[each for each in evaluation.verdict.requirements if each.passed and each.verdict != gate.MET],
            meaning=rejection_advice.REJECTION_MEANING,
            sections={id_: name for id_, name in REPORT_SECTIONS.items() if content.get(id_, True) is not None},
            maps=maps,
            plots={plot.name.removesuffix(".png"): plot for plot in drawn},
            allowed={
                title: allowed_losses(evaluation).get(name)
                for name, (title, _) in report_findings.COMPARED_FIGURES.items()
            },
            notices=report_findings.report_notices(evaluation),
            subgroups=_by_attribute(evaluation.subgroups),
            pairs={
                report_findings.COMPARED_FIGURES[name][0]: pair for name, pair in evaluation.comparison.pairs.items()
            },
            mistakes=report_pictures.worst_mistakes(evaluation.test, pictures, SHOWN_MISTAKES),
            missed=[
                (each, report_pictures.jpeg_thumbnail(pictures / contract.held_out_file(each.image_id)))
                for each in evaluation.clinical.missed[:SHOWN_MISSED]
            ],
            wrong_total=int((evaluation.test.truth != evaluation.test.predicted).sum()),
            twins=_pair_thumbnails(evaluation.leakage, pictures),
            counts=_counts(evaluation),
            sources=_mapping(evaluation.card.get("sources")),
            warnings=_warnings(evaluation),
            archive_sha256=archive_sha256_of_card(evaluation.card),
            addition_sha256=addition_sha256_of_card(evaluation.card),
            added=report_wording.production_sentences(evaluation.population),
            earlier=report_wording.earlier_evaluations_sentence(evaluation.provenance),
            patients=report_wording.PATIENT_LIMITATION,
            skin_tone=report_wording.SKIN_TONE_LIMITATION,
        )
    )


def _template_environment() -> jinja2.Environment:
    """Return the template environment; it escapes all values, and a missing value is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATE_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(TEMPLATE_FILTERS, data_uri=_data_uri)
    environment.globals.update(
        attribute_title=_attribute_title,
        audit=audit_summary,
        class_titles=contract.CLASS_TITLES,
        malignant=contract.MALIGNANT,
        splits=contract.SPLITS,
        requirement_title=report_wording.requirement_title,
        requirement_note=report_wording.requirement_note,
        judged_text=report_wording.judged_text,
        judged_interval=report_wording.judged_interval,
        judged_frequency=report_wording.judged_frequency,
        melanoma_sentence=report_wording.melanoma_sentence,
        research_use=report_wording.RESEARCH_USE,
        intended_use=report_wording.INTENDED_USE_SUMMARY,
        sentence=report_wording.verdict_sentence,
        synthetic=report_findings.has_synthetic_images,
        exact_mark=report_wording.EXACT_MARK,
    )
    return environment


def _judged_requirements(verdict: gate.GateVerdict) -> list[gate.GateRequirement]:
    """Return the requirements that were judged, the missed ones first."""
    judged = [each for each in verdict.requirements if each.verdict == gate.MET or not each.passed]
    return sorted(judged, key=lambda each: each.passed)


def _data_uri(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _pair_thumbnails(
    found: audit_summary.LeakageSummary, pictures: Path
) -> list[tuple[audit_summary.DuplicatePair, list[bytes | None]]]:
    """Return the first near-duplicate pairs with thumbnails; training images are not available and have none."""
    shown = found.twins[:SHOWN_PAIRS]
    return [
        (twin, [report_pictures.jpeg_thumbnail(pictures / contract.held_out_file(image)) for image in twin.images])
        for twin in shown
    ]


def _by_attribute(groups: Iterable[Subgroup]) -> dict[str, list[Subgroup]]:
    """Return the subgroups by the title of their attribute, in the given order."""
    headed: dict[str, list[Subgroup]] = {}
    for group in groups:
        headed.setdefault(_attribute_title(group.attribute), []).append(group)
    return headed


def _attribute_title(attribute: str) -> str:
    return ATTRIBUTE_TITLES.get(attribute, attribute.capitalize())


def _counts(evaluation: ModelEvaluation) -> dict[str, dict[str, object]]:
    """Return the number of images by class and split from the dataset card; None where it has none."""
    by_class = _mapping(_mapping(evaluation.card.get("images")).get("by_class_and_split"))
    return {
        label: {split: _mapping(by_class.get(label)).get(split) for split in contract.SPLITS}
        for label in contract.CLASS_LABELS
    }


def _warnings(evaluation: ModelEvaluation) -> list[str]:
    warnings = evaluation.card.get("warnings")
    return [str(warning) for warning in warnings] if isinstance(warnings, list) else []


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
