# SPDX-License-Identifier: MIT-0
"""The model card: what the registry would take, and what a reviewer must find in it."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pipeline_src.evaluation.evaluation_json import ModelEvaluation
from pipeline_src.report import model_card
from tests.jobs.report import judgement

SCHEMA = Draft202012Validator(json.loads(Path(__file__).with_name("model_card_schema.json").read_text()))
HOSTILE = 'ear\x00\n\u2028"\\{{<b>\ud7ff' * 400


def hostile() -> ModelEvaluation:
    """Return an evaluation whose archive and parameters hold texts far too long, with control characters."""
    groups = tuple(
        judgement.subgroup("localization", f"{number}{HOSTILE}", evaluable=number % 2 == 0, weak=number % 4 == 0)
        for number in range(60)
    )
    card = {"sources": {HOSTILE: 1}, "archive": {"sha256": HOSTILE}, "warnings": [HOSTILE] * 60}
    verdict = replace(judgement.verdict(), reason=HOSTILE)
    comparison = replace(judgement.compared(), status=HOSTILE, reason=HOSTILE, package=HOSTILE)
    provenance = {"1 odd-name": HOSTILE, "é": ""}
    return judgement.evaluation(
        subgroups=groups, card=card, verdict=verdict, comparison=comparison, provenance=provenance
    )


EVALUATIONS = {"full": judgement.evaluation(), "bare": judgement.evaluation(known=False), "hostile": hostile()}


def card(evaluation: ModelEvaluation) -> Any:
    return json.loads(model_card.model_card_json(evaluation))


def metrics(evaluation: ModelEvaluation) -> dict[str, Any]:
    """Return the metrics of the test split by name."""
    groups = card(evaluation)["evaluation_details"][0]["metric_groups"]
    return {metric["name"]: metric for group in groups for metric in group["metric_data"]}


@pytest.mark.parametrize("name", EVALUATIONS)
def test_the_card_fits_the_schema_whatever_was_found_and_whatever_the_archive_says(name: str) -> None:
    assert [error.message[:200] for error in SCHEMA.iter_errors(card(EVALUATIONS[name]))] == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("model_overview", "model_name"), "not part of a package's card"),
        (("model_package_details",), {}),
        (("intended_uses", "risk_rating"), "Severe"),
        (("intended_uses", "purpose_of_model"), "x" * 2049),
        (("additional_information", "custom_details", "number"), 1),
        (("additional_information", "custom_details", "data licence"), "a key with a blank"),
        (("evaluation_details", 0, "name"), "x" * 64),
        (("evaluation_details", 0, "metric_groups", 0, "metric_data", 0, "value"), None),
        (("evaluation_details", 0, "metric_groups", 0, "metric_data", 0, "value"), "x" * 64),
    ],
)
def test_the_schema_sees_what_the_service_would_refuse(path: tuple[Any, ...], value: object) -> None:
    made = card(EVALUATIONS["full"])
    *above, last = path
    place = made
    for key in above:
        place = place[key]
    place[last] = value
    assert not SCHEMA.is_valid(made)


@pytest.mark.parametrize("name", EVALUATIONS)
def test_the_card_is_one_line_of_ascii_far_below_the_limit_and_the_same_each_time(name: str) -> None:
    text = model_card.model_card_json(EVALUATIONS[name])
    assert text.isascii()
    assert text.isprintable()
    assert "\\n" not in text, "nor is any text in it of two lines"
    assert len(text) < {"full": 18_000, "bare": 11_000, "hostile": 40_000}[name]
    assert model_card.model_card_json(EVALUATIONS[name]) == text


def test_the_card_says_what_the_model_is_for_whose_the_images_are_and_what_nothing_is_known_of() -> None:
    text = model_card.model_card_json(EVALUATIONS["full"])
    missed = ", ".join(each.name for each in judgement.verdict().requirements if not each.passed)
    for said in (
        "research use, not a medical device",
        "Not intended for: diagnosis",
        "not dermatoscopic",
        "CC BY-NC 4.0",
        "Scientific Data 5, 180161 (2018)",
        "Skin tone: not evaluable",
        '"risk_rating":"High"',
        "localization: face (balanced accuracy 0.7500, 130 images)",
        "age: 0 to 29 (3), localization: hand (3)",
        "train 6510 images of 6510 lesions",
        "9 training images of lesions that a held-out image shows were left out",
        f"Gate: reject. Not met: {missed}.",
    ):
        assert said in text, said


def test_a_synthetic_archive_is_called_so_and_has_no_licence_of_the_dataset() -> None:
    images = list(judgement.case.predictions().images)
    text = model_card.model_card_json(judgement.evaluation(card=judgement.case.card(images)))
    assert "Synthetic images, drawn by this project" in text
    assert "synthetic and show no patient" in text
    assert "CC BY-NC" not in text
    mixed = judgement.evaluation(card={"sources": {"synthetic": 1, "rosendahl": 2}})
    assert "In part: Synthetic images" in (made := model_card.model_card_json(mixed))
    assert "CC BY-NC 4.0" in made


def test_each_figure_has_its_interval_and_how_many_images_and_lesions_it_was_measured_on() -> None:
    found = metrics(EVALUATIONS["full"])
    assert found["balanced_accuracy"] == {
        "name": "balanced_accuracy",
        "type": "number",
        "value": 0.712346,
        "notes": "95 % 0.6711 to 0.7436 (bootstrap); 1512 images, 1134 lesions",
    }
    assert "melanoma probability from 0.212346 on" in found["melanoma_sensitivity"]["notes"]
    assert found["df"]["notes"].startswith("95 % 0.7088 to 0.7812 (exact); 23 images, 17 lesions")
    for name in ("balanced_accuracy", "melanoma_sensitivity", "melanoma_specificity"):
        assert "champion 0.7000, 0.6588 to 0.7312" in found[f"{name}_difference"]["notes"]
    assert found["fixed_images"]["notes"] == "1500 shared images, 12 left out, 3 missing"
    for name in (
        "expected_calibration_error_at_temperature",
        "overconfidence",
        "localization: face",
        "confusion_matrix",
    ):
        assert name in found


def test_a_figure_that_is_not_defined_says_so_and_is_never_zero() -> None:
    found = metrics(EVALUATIONS["bare"])
    assert (found["balanced_accuracy"]["type"], found["balanced_accuracy"]["value"]) == ("string", "not defined")
    assert found["comparison"]["value"] == "absent"
    assert "there is no champion yet" in found["comparison"]["notes"]
    assert "Leakage audit: No audit" in model_card.model_card_json(EVALUATIONS["bare"])


def test_the_gates_whole_table_is_in_the_card_in_the_gates_own_words() -> None:
    rows = card(EVALUATIONS["full"])["evaluation_details"][0]["metric_groups"][0]["metric_data"]
    verdicts = [(requirement.name, requirement.verdict) for requirement in judgement.verdict().requirements]
    assert [(row["name"], row["value"]) for row in rows] == verdicts
    assert rows[0]["notes"] == "wanted at least 0.7; got 0.7123; 0.65 to 0.78; 1512 images"


def test_the_official_test_set_is_an_evaluation_of_its_own_where_there_is_one() -> None:
    names = {
        name: [each["name"] for each in card(EVALUATIONS[name])["evaluation_details"]] for name in ("full", "bare")
    }
    assert names == {"full": ["Test split", "ISIC 2018 Task 3 test set"], "bare": ["Test split"]}


def test_the_order_of_parameters_is_kept_and_each_is_told() -> None:
    details = card(EVALUATIONS["full"])["additional_information"]["custom_details"]
    assert [name for name in details if name.startswith("SomeParameter")] == [f"SomeParameter{n}" for n in range(30)]
    assert details["SourceCommit"] == "0123abcd" * 5


def test_a_figure_that_is_no_number_is_a_defect_and_no_card_is_made() -> None:
    figures = replace(judgement.figures(), accuracy=judgement.estimate(math.nan))
    with pytest.raises(ValueError, match="not JSON compliant"):
        model_card.model_card_json(judgement.evaluation(figures=figures))


def test_a_card_longer_than_the_service_takes_is_refused_by_name() -> None:
    many = {f"name{number}": "x" * 1024 for number in range(100)}
    with pytest.raises(ValueError, match=r"model card: .* exceed the service's limit of 100000"):
        model_card.model_card_json(judgement.evaluation(provenance=many))
