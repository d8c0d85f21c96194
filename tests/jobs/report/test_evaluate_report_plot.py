# SPDX-License-Identifier: MIT-0
"""Plots are the same bytes for the same figures, say them in words too, and show what they are for."""

from dataclasses import replace
from typing import Any

import cv2
import matplotlib as mpl
import numpy as np
import pytest

from pipeline_src.evaluation.champion_comparison import PairedEstimate
from pipeline_src.report import forest_plots, html_report, report_plots
from pipeline_src.report.report_plots import ReportPlot
from tests.jobs.report import finding_case

VERMILION = (0x00, 0x5E, 0xD5)  # in OpenCV's order


@pytest.fixture(scope="module")
def drawn() -> dict[str, ReportPlot]:
    return {plot.name: plot for plot in finding_case.drawn()}


def pixels(plot: ReportPlot | None) -> Any:
    assert plot is not None
    return cv2.imdecode(np.frombuffer(plot.png, np.uint8), cv2.IMREAD_COLOR)


def striking(plot: ReportPlot | None) -> int:
    """Return how many pixels have the colour of what stands out."""
    return int((np.abs(pixels(plot).astype(int) - VERMILION).sum(axis=2) < 12).sum())


def test_there_is_a_plot_for_each_section(drawn: dict[str, ReportPlot]) -> None:
    assert list(drawn) == [
        *("champion.png", "per_class.png", "roc.png", "precision_recall.png", "confusion_matrix.png"),
        *("subgroups.png", "reliability.png", "confusion_matrix_official.png"),
    ]


def test_plots_are_as_wide_as_each_other_and_carry_no_version(drawn: dict[str, ReportPlot]) -> None:
    assert {pixels(plot).shape[1] for plot in drawn.values()} == {1000}
    assert not [plot.name for plot in drawn.values() if b"Software" in plot.png]


def test_plots_are_the_same_bytes_again_whatever_the_settings_of_this_machine(
    drawn: dict[str, ReportPlot], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(mpl.rcParams, "axes.facecolor", "red")
    assert html_report.draw_plots(finding_case.everything()) == list(drawn.values())


def test_plots_have_their_figures_in_words(drawn: dict[str, ReportPlot]) -> None:
    said = {name: plot.alt for name, plot in drawn.items()}
    assert "mel 0.930" in said["roc.png"]
    assert "df 0.820" in said["precision_recall.png"]
    assert "of 301 test images; " in said["confusion_matrix.png"]
    assert "301 official test images" in said["confusion_matrix_official.png"]
    assert "overconfidence 0.030 as served. At temperature 1.24: 0.030." in said["reliability.png"]
    assert "balanced accuracy \u22120.080 (\u22120.110 to \u22120.050)" in said["champion.png"]
    assert "melanoma specificity \u22120.080 (\u22120.110 to \u22120.050)" in said["champion.png"]


def test_the_roc_curve_shows_the_operating_point() -> None:
    evaluation = finding_case.evaluation()
    hidden = replace(evaluation.figures, melanoma_sensitivity=finding_case.UNKNOWN)
    shown = striking(report_plots.plot_roc_curves(evaluation.test, evaluation.figures))
    assert shown > striking(report_plots.plot_roc_curves(evaluation.test, hidden)) + 300


def test_a_weak_subgroup_stands_out_and_is_named() -> None:
    sound, weak = (forest_plots.plot_subgroups(finding_case.subgroups(weak), 0.8) for weak in (0.0, -0.3))
    assert striking(sound) == 0
    assert striking(weak) > 100
    assert weak is not None
    assert "Weak: sex female" in weak.alt


def test_subgroups_that_cannot_be_judged_are_not_drawn() -> None:
    assert forest_plots.plot_subgroups([finding_case.subgroup("sex", "male", 3)], 0.8) is None


def test_a_proven_loss_stands_out() -> None:
    margins = {"balanced_accuracy": 0.05, "melanoma_sensitivity": None}
    assert striking(forest_plots.plot_champion_differences(finding_case.compared(-0.08), margins)) > 100
    assert striking(forest_plots.plot_champion_differences(finding_case.compared(-0.01), margins)) == 0


def test_without_a_comparison_there_is_no_plot_of_it() -> None:
    assert forest_plots.plot_champion_differences(finding_case.evaluation().comparison, {}) is None


def test_what_has_no_value_is_said_to_have_none() -> None:
    unknown = PairedEstimate(finding_case.UNKNOWN, finding_case.UNKNOWN, finding_case.UNKNOWN)
    assert (
        forest_plots.plot_champion_differences(replace(finding_case.compared(0.1), melanoma_sensitivity=unknown), {})
        is not None
    )
    assert forest_plots.short_estimate(finding_case.UNKNOWN) == "not defined"
    assert forest_plots.short_estimate(finding_case.estimate(0.8)) == "0.80 (0.76 to 0.84)"
    assert forest_plots.short_difference(finding_case.estimate(-0.02)) == "\u22120.02 (\u22120.06 to +0.02)"


def test_overconfidence_is_drawn_where_there_is_any() -> None:
    def gaps(over: float) -> int:
        tint = pixels(report_plots.plot_reliability(finding_case.calibration(over))).astype(int)
        return int((np.abs(tint - (0xA6, 0xC6, 0xF0)).sum(axis=2) < 30).sum())

    assert gaps(0.2) > gaps(0.02) + 500


def test_the_commonest_mistake_is_named() -> None:
    test = finding_case.evaluation().test
    assert "The most common error: " in report_plots.plot_confusion_matrix(test, "name.png", "test images").alt
