# SPDX-License-Identifier: MIT-0
"""The first screen names the figures in which a model is better or worse than the champion, and hides no loss."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline_src import contract
from pipeline_src.evaluation import champion_comparison
from pipeline_src.evaluation.champion_comparison import ChampionComparison
from pipeline_src.gate_thresholds import GateThresholds
from pipeline_src.report import html_report, report_findings
from pipeline_src.report.report_findings import CAUTION, GOOD, NOTE, PROBLEM, ReportNotice
from tests.jobs.report import finding_case
from tests.jobs.report.reader import Reader

GATED = "balanced accuracy and melanoma AUC above 0.80"
ALL = "balanced accuracy, melanoma AUC above 0.80, melanoma sensitivity and melanoma specificity"


def notice(compared: ChampionComparison, floors: GateThresholds = finding_case.STRICT) -> ReportNotice:
    (found,) = [
        each
        for each in report_findings.report_notices(finding_case.evaluation(floors, comparison=compared))
        if each.section == "champion"
    ]
    return found


def page(compared: ChampionComparison) -> str:
    return Reader(
        html_report.render_report(
            finding_case.evaluation(comparison=compared), list(finding_case.drawn()), Path("/absent")
        )
    ).text


@pytest.mark.parametrize(
    ("difference", "severity", "lead"),
    [
        (-0.08, PROBLEM, f"Worse than the champion in {ALL}."),
        (-0.028, PROBLEM, f"Not shown to be as good as the champion in {GATED}."),
        (-0.01, NOTE, "No proven difference from the champion."),
        (0.05, GOOD, f"Better than the champion in {ALL}."),
    ],
)
def test_the_comparison_is_said_with_all_its_figures(difference: float, severity: str, lead: str) -> None:
    found = notice(finding_case.compared(difference))
    assert (found.severity, found.lead) == (severity, lead)
    assert found.text.startswith("Balanced accuracy ")
    for said in ("n 300; melanoma sensitivity ", "n 40; melanoma specificity ", "n 260."):
        assert said in found.text


def test_the_one_figure_that_is_better_is_named() -> None:
    found = notice(finding_case.compared(0.0, melanoma_sensitivity=0.05))
    assert (found.severity, found.lead) == (GOOD, "Better than the champion in melanoma sensitivity.")
    assert found.text.startswith("Balanced accuracy +0.000 (")


def test_a_proven_loss_that_the_gate_allows_is_a_caution_whatever_else_is_better() -> None:
    found = notice(finding_case.compared(0.1, melanoma_specificity=-0.08), finding_case.LENIENT)
    assert (found.severity, found.lead) == (
        CAUTION,
        (
            "Worse than the champion in melanoma specificity, "
            "better in balanced accuracy, melanoma AUC above 0.80 and melanoma sensitivity."
        ),
    )


def test_what_the_gate_minds_is_a_problem_beside_a_loss_that_it_allows() -> None:
    found = notice(
        finding_case.compared(-0.08, melanoma_auc_above_80=-0.028),
        replace(finding_case.LENIENT, champion_melanoma_area_loss=0.01),
    )
    assert (found.severity, found.lead) == (
        PROBLEM,
        (
            "Worse than the champion in balanced accuracy, melanoma sensitivity and melanoma specificity, "
            "not shown to be as good in melanoma AUC above 0.80."
        ),
    )


def test_a_figure_that_cannot_be_compared_is_not_shown_to_be_as_good() -> None:
    found = notice(replace(finding_case.compared(0.0), melanoma_auc_above_80=None))
    assert (found.severity, found.lead) == (
        PROBLEM,
        "Not shown to be as good as the champion in melanoma AUC above 0.80.",
    )


@pytest.mark.parametrize(
    ("status", "severity", "lead"),
    [
        (champion_comparison.CHAMPION_ABSENT, NOTE, "No champion to compare with."),
        (champion_comparison.COMPARISON_WAIVED, CAUTION, "Comparison with the champion switched off."),
        (champion_comparison.CHAMPION_REFUSED, PROBLEM, "Not compared with the champion."),
    ],
)
def test_without_a_comparison_the_reason_is_said(status: str, severity: str, lead: str) -> None:
    found = notice(ChampionComparison(status, "none", "For this reason. And so on."))
    assert (found.severity, found.lead, found.text) == (severity, lead, "For this reason.")


def test_the_same_model_is_called_so_and_at_another_operating_point_its_loss_is_still_told() -> None:
    same = replace(finding_case.compared(0.0), status=champion_comparison.MODELS_IDENTICAL)
    found = notice(same)
    assert (found.severity, found.lead) == (CAUTION, "The same model as the champion.")
    assert found.text == "Both were measured on 300 shared images."
    moved = replace(finding_case.compared(0.0, melanoma_sensitivity=-0.3), status=champion_comparison.MODELS_IDENTICAL)
    found = notice(moved)
    assert (found.severity, found.lead) == (CAUTION, "The same model as the champion.")
    assert "Worse than the champion in melanoma sensitivity. Balanced accuracy +0.000" in found.text
    assert "melanoma sensitivity \u22120.300 (\u22120.330 to \u22120.270), n 40" in found.text


def test_the_section_shows_each_figure_and_how_many_images_are_missing() -> None:
    text = page(finding_case.compared(-0.08))
    assert "Melanoma specificity n 260 images of 195 lesions 0.810 0.770 to 0.850 0.730 0.690 to 0.770" in text
    assert (
        "4 test images of the champion's are missing here; if they were hard, the comparison favors this model" in text
    )
    assert "missing here" not in page(replace(finding_case.compared(-0.08), missing=0))


@pytest.mark.parametrize(("package", "times"), [(finding_case.ARN, 1), (contract.NO_PACKAGE, 0), ("waived", 0)])
def test_only_the_arn_of_a_champion_is_shown_as_one(package: str, times: int) -> None:
    assert (
        page(ChampionComparison(champion_comparison.CHAMPION_ABSENT, package, "For this reason.")).count("Champion: ")
        == times
    )


def test_the_glossary_says_of_what_an_interval_and_mcnemar_speak() -> None:
    text = page(finding_case.compared(0.0))
    assert "Contains the true value of this model for such lesions in 95 of 100 test sets" in text
    assert "does not predict the value on the next test set" in text
    assert "It counts lesions, not images" in text
