# SPDX-License-Identifier: MIT-0
"""Report, document and model card name the additional archive, and say that nothing of it is tested on."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline_src.evaluation import evaluation_json, study_population, subgroup_metrics
from pipeline_src.evaluation.evaluation_json import ModelEvaluation
from pipeline_src.evaluation.model_predictions import HoldoutImage
from pipeline_src.evaluation.operating_point import ProductionValidation
from pipeline_src.evaluation.study_population import ProductionImages
from pipeline_src.report import html_report, model_card
from tests.jobs.report import finding_case, judgement

SHA = "cd" * 32
ADDED = {"sha256": SHA, "bytes": 9, "images": 3, "images_by_split": {"train": 2, "validation": 1, "test": 0}}


def told(evaluation: ModelEvaluation) -> str:
    return html_report.render_report(evaluation, list(finding_case.drawn()), Path("/absent"))


def with_card(**more: Any) -> ModelEvaluation:
    evaluation = finding_case.everything()
    return replace(evaluation, card={**evaluation.card, **more})


def test_the_page_names_it_and_how_its_images_are_shared_out() -> None:
    added = (
        ProductionImages("train", 20, 0.04, {"mel": 15, "nv": 5, "df": 0}),
        ProductionImages("validation", 1, 0.005, {"nv": 1}),
    )
    evaluation = with_card(addition=ADDED)
    evaluation = replace(evaluation, population=replace(evaluation.population, production=added))
    page = told(evaluation)
    assert f"<dt>Additional archive SHA-256</dt><dd><code>{SHA}</code></dd>" in page
    said = "adds 20 images to train (4.0\u00a0% of its images: mel 15, nv 5); 1 image to validation (0.5\u00a0%"
    assert said in page
    card = model_card.model_card_content(evaluation)["training_details"]
    for each in (page, str(card)):
        assert "selected by whoever confirmed their labels, not at random" in each
    assert "20 images to train" in str(card)


def test_production_has_its_own_threshold_beside_the_one_that_it_did_not_choose() -> None:
    own = ProductionValidation(30, 8, 0.91, finding_case.estimate(0.7, 8), finding_case.estimate(0.9, 22), None)
    page = told(replace(finding_case.everything(), production=own))
    assert "The 30 additional validation images from production, 8 melanomas among them, did not take part" in page
    assert "melanoma sensitivity is 0.700 (0.660 to 0.740)" in page
    assert "the threshold would be 0.910 and the temperature not defined" in page


def test_without_one_the_page_says_none_and_no_more() -> None:
    page = told(finding_case.everything())
    assert "<dt>Additional archive SHA-256</dt><dd><code>none</code></dd>" in page
    assert "An additional archive of confirmed production images adds" not in page


def test_document_and_model_card_name_it() -> None:
    measured = judgement.evaluation(card={"archive": {"sha256": "ab" * 32}, "addition": ADDED})
    found = evaluation_json.evaluation_content(measured, judgement.verdict())
    assert found["addition"] == ADDED
    assert evaluation_json.headline_texts(measured, judgement.verdict())["addition_sha256"] == SHA
    assert f'"additional_sha256":"{SHA}"' in model_card.model_card_json(measured).replace('": "', '":"')


def test_of_an_exported_image_every_group_but_its_source_and_confirmation_is_unknown() -> None:
    image = HoldoutImage("PROD_1", "PROD_1", "nv", "validation", "unknown", "", "unknown", "confirmed", "production")
    groups = {name: study_population.group_of_image(image, name) for name in subgroup_metrics.SUBGROUP_ATTRIBUTES}
    unknown = dict.fromkeys(("sex", "age", "localization"), study_population.UNKNOWN_GROUP)
    assert groups == unknown | {"dx_type": "confirmed", "source": "production"}
