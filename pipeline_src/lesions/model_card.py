# SPDX-License-Identifier: MIT-0
"""The model card that a model package carries: the evaluation in the form in which the model registry shows it.

Source of the form: SageMaker Developer Guide, "Model package model card schema" (model-registry-details), which is that
of model cards without model_package_details and with little in model_overview; and the SageMaker API's
ModelCardContent: at most 100,000 characters on one line. A text too long for its field is cut, so that no archive and
no name of a subgroup can make a card that the service would refuse.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from pipeline_src.lesions import audit, metric_group, statement
from pipeline_src.lesions.document import addition_sha256, archive_sha256
from pipeline_src.lesions.evaluation import Evaluation
from pipeline_src.lesions.metric_group import clipped
from pipeline_src.lesions.subgroup import Subgroup

Json = dict[str, object]
LENGTH: Final = 100_000
_TEXT: Final = 2048
_OBSERVATION: Final = 2096
_TRAINING: Final = 1024
_LINE: Final = 1024
_NAMES: Final = 700  # characters for a list of subgroups: two of them fit into a text, with words around them


def text(evaluation: Evaluation) -> str:
    """Return the card as JSON on one line of ASCII, the same for the same evaluation.

    Raises:
        ValueError: a figure is NaN or infinite, or the card is longer than the service takes: both are defects.
    """
    card = json.dumps(content(evaluation), separators=(",", ":"), allow_nan=False)
    if len(card) > LENGTH:
        raise ValueError(f"model card: {len(card)} characters; the service takes {LENGTH}. Put less into it.")
    return card


def content(evaluation: Evaluation) -> Json:
    """Return the card."""
    return {
        "model_overview": {"model_creator": "skin-lesion-mlops, its SageMaker pipeline"},
        "intended_uses": _intended_uses(evaluation),
        "business_details": {
            "business_problem": statement.PROBLEM,
            "business_stakeholders": statement.STAKEHOLDERS,
            "line_of_business": "Research",
        },
        "training_details": {"training_observations": clipped(_training(evaluation), _TRAINING)},
        "evaluation_details": list(_evaluations(evaluation)),
        "additional_information": {
            "ethical_considerations": statement.ethics(_sources(evaluation)),
            "caveats_and_recommendations": clipped(_caveats(evaluation), _TEXT),
            "custom_details": _details(evaluation),
        },
    }


def _intended_uses(evaluation: Evaluation) -> Json:
    return {
        "purpose_of_model": statement.PURPOSE,
        "intended_uses": statement.INTENDED_USES,
        "factors_affecting_model_efficiency": clipped(_limits(evaluation.subgroups), _TEXT),
        "risk_rating": statement.RISK,
        "explanations_for_risk_rating": statement.RISK_EXPLANATION,
    }


def _limits(subgroups: Iterable[Subgroup]) -> str:
    """Return for which groups of images the model is weak, and for which nothing can be said, by name."""
    groups = tuple(subgroups)
    weak = [f"{_named(each)} ({_figure(each)})" for each in groups if each.weak]
    unknown = [f"{_named(each)} ({each.images})" for each in groups if not each.evaluable]
    return (
        f"Weaker than on all other test images, beyond chance: {_listed(weak)}. "
        f"Not evaluable, too few test images (their number): {_listed(unknown)}. {statement.SKIN_TONE}"
    )


def _named(subgroup: Subgroup) -> str:
    return clipped(f"{subgroup.attribute}: {subgroup.group}", 80)


def _figure(subgroup: Subgroup) -> str:
    value = subgroup.balanced_accuracy.value
    said = "" if value is None else f"balanced accuracy {value:.4f}, "
    return f"{said}{subgroup.images} images"


def _listed(names: list[str]) -> str:
    """Return as many `names` as there is room for, and how many are left out."""
    shown: list[str] = []
    for name in names:
        if len(", ".join([*shown, name])) > _NAMES:
            return f"{', '.join(shown)} and {len(names) - len(shown)} more in report.html"
        shown.append(name)
    return ", ".join(shown) or "none"


def _training(evaluation: Evaluation) -> str:
    images, lesions = (_splits(evaluation.card.get(what)) for what in ("images", "lesions"))
    counts = ", ".join(f"{split} {images[split]} images of {lesions.get(split, '?')} lesions" for split in images)
    return (
        f"Split by lesion id: {counts or 'counts are not in the dataset card'}. {audit.together(evaluation.leakage)} "
        f"Leakage audit: {audit.pairs(evaluation.leakage)}"
    )


def _splits(counts: object) -> Mapping[str, object]:
    splits = counts.get("by_split") if isinstance(counts, dict) else None
    return splits if isinstance(splits, dict) else {}


def _evaluations(evaluation: Evaluation) -> Iterator[Json]:
    """Yield the test split, and the official test set where there is one."""
    groups = [
        metric_group.requirements(evaluation.verdict),
        metric_group.headline(evaluation.figures, evaluation.melanoma.threshold),
        metric_group.champion(evaluation.comparison),
        metric_group.subgroups(evaluation.subgroups),
        metric_group.calibration(evaluation.calibration),
        metric_group.classes(evaluation.figures),
        metric_group.group("Counts", metric_group.confusion(evaluation.test)),
    ]
    yield {
        "name": "Test split",
        "evaluation_observation": clipped(_outcome(evaluation), _OBSERVATION),
        "datasets": [f"archive SHA-256 {clipped(archive_sha256(evaluation.card), _LINE // 2)}, split test"],
        "metric_groups": groups,
    }
    if evaluation.official_figures is not None:
        yield {
            "name": "ISIC 2018 Task 3 test set",
            "evaluation_observation": audit.official(evaluation.leakage),
            "metric_groups": [metric_group.headline(evaluation.official_figures, evaluation.melanoma.threshold)],
        }


def _outcome(evaluation: Evaluation) -> str:
    missed = [each.name for each in evaluation.verdict.requirements if not each.passed]
    return f"Gate: {evaluation.verdict.verdict}. Not met: {', '.join(missed) or 'none'}."


def _caveats(evaluation: Evaluation) -> str:
    warnings = evaluation.card.get("warnings")
    told = [clipped(str(each), 200) for each in warnings] if isinstance(warnings, list) else []
    return (
        f"For {statement.DISCLAIMER}. Intervals are of 95 %, by resampling lesions, exact where a class is small; "
        "they tell of chance in the choice of test images, not of other clinics. Probabilities are served as the "
        "network gives them. Validate on images of your own before any study. "
        f"Warnings of the dataset: {_listed(told)}"
    )


def _details(evaluation: Evaluation) -> dict[str, str]:
    counted = _sources(evaluation)
    details = {
        "disclaimer": statement.DISCLAIMER,
        "data_licence": statement.licence(counted),
        "data_sources": ", ".join(f"{name} {number}" for name, number in sorted(counted.items())) or "not stated",
        "gate_verdict": evaluation.verdict.verdict,
        "dataset_sha256": archive_sha256(evaluation.card),
        "additional_sha256": addition_sha256(evaluation.card),
        **evaluation.provenance,
    }
    # CloudFormation's form of the same card takes identifiers as keys.
    return {re.sub(r"\W|^(?=\d)", "_", name, flags=re.ASCII): clipped(value, _LINE) for name, value in details.items()}


def _sources(evaluation: Evaluation) -> Mapping[str, object]:
    sources = evaluation.card.get("sources")
    return sources if isinstance(sources, dict) else {}
