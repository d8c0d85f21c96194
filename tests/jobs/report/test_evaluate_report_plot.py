# SPDX-License-Identifier: MIT-0
"""Plots are the same bytes for the same figures, say them in words too, and show what they are for."""

import re
from dataclasses import replace
from typing import Any

import cv2
import matplotlib as mpl
import numpy as np
import pytest

from pipeline_src.evaluation.champion_comparison import PairedEstimate
from pipeline_src.report import forest_plots, html_report, report_plots, report_wording
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
        *("champion.png", "per_class.png", "roc.png", "precision_recall.png", "decision_curve.png"),
        *("confusion_matrix.png", "subgroups.png", "reliability.png", "melanoma_calibration.png"),
        "confusion_matrix_official.png",
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
    assert "overconfidence 0.030 as served. At temperature 1.240: 0.030." in said["reliability.png"]
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
    assert report_wording.format_value_with_interval(finding_case.UNKNOWN) == "not defined"
    assert report_wording.format_value_with_interval(finding_case.estimate(0.8)) == "0.800 (0.760 to 0.840)"


def test_overconfidence_is_drawn_where_there_is_any() -> None:
    def gaps(over: float) -> int:
        tint = pixels(report_plots.plot_reliability(finding_case.calibration(over))).astype(int)
        return int((np.abs(tint - (0xA6, 0xC6, 0xF0)).sum(axis=2) < 30).sum())

    assert gaps(0.2) > gaps(0.02) + 500


def test_the_commonest_mistake_is_named() -> None:
    test = finding_case.evaluation().test
    assert "The most common error: " in report_plots.plot_confusion_matrix(test, "name.png", "test images").alt


def test_a_chart_in_the_page_has_no_colour_of_a_background_no_date_and_no_id_of_another(
    drawn: dict[str, ReportPlot],
) -> None:
    ids: list[str] = []
    for plot in drawn.values():
        assert plot.svg.startswith('<svg role="img" aria-label="')
        assert "var(--ink)" in plot.svg
        assert "var(--card)" in plot.svg
        assert not re.findall("#(?:ffffff|000000|14181f|e5e7eb)", plot.svg), "these do not follow the scheme"
        assert not re.findall("<style|<metadata|<image|font-family|matplotlib|[0-9]{4}-[0-9]{2}-[0-9]{2}", plot.svg)
        ids += re.findall(r' id="([^"]*)"', plot.svg)
        assert set(re.findall(r"#([a-z_]+-\w+)", plot.svg)) <= set(ids)
    assert len(ids) == len(set(ids)), "one page holds them all"


def test_a_bin_of_the_reliability_diagram_needs_five_images() -> None:
    measured = finding_case.reliability(0.04, 0.03)
    few = tuple(replace(each, images=4) if each.images else each for each in measured.bins[:5])
    shown = report_plots.drawn_bins(replace(measured, bins=(*few, *measured.bins[5:])))
    assert len(report_plots.drawn_bins(measured)) == 7
    assert [images for *_, images in shown] == [40, 48, 56, 64, 72]
