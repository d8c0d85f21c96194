# SPDX-License-Identifier: MIT-0
"""The report stands alone, says the verdict first, and holds every figure with its interval and its n."""

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from pipeline_src import contract, gate, gate_thresholds, rejection_advice
from pipeline_src.evaluation.evaluation_json import ModelEvaluation
from pipeline_src.report import html_report, report_identity, report_wording
from pipeline_src.report.report_plots import ReportPlot
from tests.jobs.evaluation import case
from tests.jobs.report import finding_case
from tests.jobs.report.reader import Reader

DASH = "\u2013"


@pytest.fixture(scope="module")
def drawn() -> list[ReportPlot]:
    return list(finding_case.drawn())


@pytest.fixture(scope="module")
def plain(drawn: list[ReportPlot]) -> list[ReportPlot]:
    return [plot for plot in drawn if plot.name not in {"champion.png", "confusion_matrix_official.png"}]


def page(evaluation: ModelEvaluation, drawn: list[ReportPlot], pictures: Path = Path("/absent")) -> Reader:
    return Reader(html_report.render_report(evaluation, drawn, pictures))


def test_the_page_needs_nothing_from_elsewhere(drawn: list[ReportPlot], tmp_path: Path) -> None:
    evaluation = finding_case.everything()
    for image in evaluation.test.images:
        (tmp_path / f"{image.image_id}.jpg").write_bytes(case.picture(image.image_id))
    html = html_report.render_report(evaluation, drawn, tmp_path)
    read = Reader(html)
    assert all(address.startswith(("data:image/", "#")) for address in read.addresses)
    pictures = html_report.SHOWN_MISTAKES + 3 + len(evaluation.clinical.missed)
    assert evaluation.clinical.missed
    assert len([address for address in read.addresses if address.startswith("data:")]) == pictures
    assert html.count("<svg ") == 10
    assert not read.tags & {"script", "link", "iframe"}
    assert not re.findall(r"url\((?!#)", html), "a chart refers to itself alone"
    assert "@import" not in html
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in html
    assert len(html) < 1_500_000


def test_every_picture_has_words_of_its_own_for_who_cannot_see_it(drawn: list[ReportPlot], tmp_path: Path) -> None:
    evaluation = finding_case.everything()
    for image in evaluation.test.images:
        (tmp_path / f"{image.image_id}.jpg").write_bytes(case.picture(image.image_id))
    pictures = page(evaluation, drawn, tmp_path).pictures
    assert all(len(alt) > 30 for alt in pictures)
    assert len(set(pictures)) == len(pictures)


def test_links_lead_to_ids_that_are_there_once_and_headings_skip_no_level(drawn: list[ReportPlot]) -> None:
    read = page(finding_case.everything(), drawn)
    links = {address[1:] for address in read.addresses if address.startswith("#")}
    assert links == set(html_report.REPORT_SECTIONS) - {"maps", "training"}  # of models that have them
    assert links <= set(read.ids)
    assert len(set(read.ids)) == len(read.ids)
    assert read.headings[0] == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(read.headings))


def test_a_pass_says_so_and_what_did_not_apply(plain: list[ReportPlot]) -> None:
    text = page(finding_case.evaluation(), plain).text
    assert "PASS The model meets 11 of the 13 requirements of the gate; the others do not apply (no champion)." in text
    assert "REJECTED" not in text


def test_a_pass_of_everything_says_so(drawn: list[ReportPlot]) -> None:
    text = page(finding_case.evaluation(comparison=finding_case.compared(0.02)), drawn).text
    assert "The model meets each of the 13 requirements of the gate." in text


def test_a_reject_names_what_was_missed_at_most_three(plain: list[ReportPlot]) -> None:
    few = page(finding_case.evaluation(leakage=finding_case.leakage(leaked=2)), plain).text
    said = "misses 1 of the 13 requirements of the gate: leaked test images 2 (required at most 0)."
    assert f"REJECTED The model {said}" in few
    many = page(finding_case.evaluation(counts=finding_case.COUNTS | {"df": 0, "mel": 0}), plain).text
    assert re.search(
        r"misses \d of the 13 requirements of the gate: balanced accuracy no valid figure .* and \d more", many
    )


def test_the_table_has_each_requirement_with_verdict_threshold_value_interval_and_n(drawn: list[ReportPlot]) -> None:
    evaluation = finding_case.everything()
    text = page(evaluation, drawn).text.replace("\xa0", " ")
    for each in evaluation.verdict.requirements:
        value = " ".join(filter(None, (report_wording.judged_text(each), report_wording.judged_frequency(each))))
        row = f"{each.verdict} {each.wanted_text} {value} {report_wording.judged_interval(each) or DASH}"
        assert f"{row} {DASH if each.images is None else each.images}" in text
        assert report_wording.requirement_title(each.name) in text
    assert "of the rarest class: dermatofibroma (df) ✗ missed at least 10 3" in text


def test_missed_requirements_come_first_and_those_that_do_not_apply_are_folded(plain: list[ReportPlot]) -> None:
    html = html_report.render_report(
        finding_case.evaluation(leakage=finding_case.leakage(leaked=2)), plain, Path("/absent")
    )
    table, folded = html.partition('id="requirements"')[2].partition("</table>")[::2]
    assert table.index("Leaked test images") < table.index("Balanced accuracy")
    assert "2 requirements that do not apply" in folded.partition("</details>")[0].partition("<summary>")[2]
    assert "Loss of balanced accuracy: no champion, required at most 0.05" in folded


@pytest.mark.parametrize(
    ("got", "sense", "shown"), [(0.69996, gate.AT_LEAST, "0.699"), (0.1501, gate.AT_MOST, "0.151"), (3, "", "3")]
)
def test_a_judged_value_is_cut_to_three_decimals_so_that_a_miss_never_reads_as_met(
    got: float, sense: str, shown: str
) -> None:
    requirement = gate.judge_requirement("x", sense, 0.7, gate.JudgedValue(got=got))
    assert report_wording.judged_text(requirement) == shown


def test_a_share_of_images_is_a_natural_frequency_too(plain: list[ReportPlot]) -> None:
    text = page(finding_case.evaluation(), plain).text
    assert "Found 35 of 40 melanomas; false alarms 46 of 270 other images." in text
    assert "0.880 Malignant or premalignant sensitivity 0.840 to 0.920, 74 of 84" in text
    assert report_wording.melanoma_sentence(finding_case.UNKNOWN, finding_case.UNKNOWN) == ""
    whole, broken = (gate.JudgedValue(got=value, images=18) for value in (17 / 18, 0.9))
    judged = [gate.judge_requirement("melanoma_sensitivity", gate.AT_LEAST, 0.8, each) for each in (whole, broken)]
    assert [report_wording.judged_frequency(each) for each in judged] == ["17 of 18", ""]


NOTED = {"Execution": "a1b2c3", "Started": "2026-11-30T21:03:04.123456+00:00", "Algorithm": "linear_probe"}


def test_the_page_identifies_itself_by_what_the_pipeline_passed(plain: list[ReportPlot]) -> None:
    html = html_report.render_report(finding_case.evaluation(provenance=NOTED), plain, Path("/absent"))
    assert "<title>Passed: evaluation a1b2c3 of the skin-lesion classifier</title>" in html
    header = Reader(html.partition("<header>")[2].partition("</header>")[0]).text
    assert "Evaluation a1b2c3 of the skin-lesion classifier" in header
    assert "execution a1b2c3 started 2026-11-30 21:03 UTC gate profile custom algorithm linear_probe" in header
    assert f"archive {'ab' * 6}" in header
    assert header.index("Research use only") < header.index("Evaluation"), "the intended use comes first"


def test_the_gate_profile_is_the_one_with_these_thresholds() -> None:
    for name, thresholds in gate_thresholds.THRESHOLD_PROFILES.items():
        assert report_wording.gate_profile(finding_case.evaluation(thresholds).verdict) == name
    assert report_wording.gate_profile(finding_case.evaluation().verdict) == "custom"


def test_a_time_in_another_form_is_shown_as_it_is_and_nothing_unknown_is_named() -> None:
    assert report_identity.format_start_time("1764536584") == "1764536584"
    named = report_identity.report_identity(finding_case.evaluation(provenance={"SourceCommit": "unknown"}))
    assert list(named) == ["gate profile", "archive"]


def test_a_rejection_says_what_it_means_and_what_would_help(plain: list[ReportPlot]) -> None:
    evaluation = finding_case.evaluation(leakage=finding_case.leakage(leaked=2))
    text = page(evaluation, plain).text
    assert rejection_advice.REJECTION_MEANING in text
    assert f"What would help {evaluation.verdict.advice[0]}" in text
    passed = page(finding_case.evaluation(), plain).text
    assert "What would help" not in passed
    assert rejection_advice.REJECTION_MEANING not in passed


def test_every_requirement_of_the_gate_has_a_title_and_a_new_one_goes_by_its_name() -> None:
    assert set(report_wording.REQUIREMENT_TITLES) == set(gate_thresholds.THRESHOLD_PARAMETERS)
    new = gate.judge_requirement("new_one", gate.AT_LEAST, 0.5, gate.JudgedValue(got=0.4, place="back"))
    assert report_wording.requirement_title(new.name) == "New one"
    assert report_wording.requirement_note(new) == "back"


def test_figures_come_with_interval_and_n(drawn: list[ReportPlot]) -> None:
    text = page(finding_case.everything(), drawn).text
    assert "0.812 Balanced accuracy 0.772 to 0.852, n 310" in text
    assert re.search(r"df dermatofibroma 3 images, 1 lesion 0\.820 0\.720 to 0\.920 † 2 of 3 ", text)
    assert "n 300 images of 225 lesions 0.810 0.770 to 0.850 0.730 0.690 to 0.770" in text
    worst, allowed = "\u22120.110", "\u22120.050"
    assert f"0.690 to 0.770 \u22120.080 \u22120.110 to \u22120.050 {worst} {allowed} < 0.001" in text
    assert "9 are correct only for this model" in text
    assert "10 test images left out" in text


def test_a_subgroup_that_cannot_be_judged_is_shown_with_its_n_and_no_figure(plain: list[ReportPlot]) -> None:
    text = page(finding_case.evaluation(), plain).text
    folded = "3 subgroups with too few lesions to be evaluated Sex: unknown (4 images of 2 lesions) Age: 0 to 29 "
    assert f"{folded}(20 images of 10 lesions) Site: ear (6 images of 3 lesions)" in text
    assert text.index("Sex female") < text.index("Site back") < text.index(folded)
    assert "Skin tone" in text


def test_the_official_test_set_stands_beside_the_published_result_where_it_is_there(drawn: list[ReportPlot]) -> None:
    without = replace(finding_case.everything(), official=None, official_figures=None)
    assert "Official test set" not in page(without, drawn).text
    text = page(finding_case.everything(), drawn).text
    assert "Balanced accuracy 0.812 0.772 to 0.852 n 310 0.885 best entry" in text
    assert "Quoted, not measured here." in text


def test_the_page_carries_dataset_leaks_warnings_provenance_and_glossary(drawn: list[ReportPlot]) -> None:
    text = page(finding_case.everything(), drawn).text
    assert "ab" * 32 in text
    assert "SourceCommit 0123abcd" in text
    assert "df: only 3 test images. Add images of it." in text
    assert re.search(r"nv melanocytic nevus 0 160 160", text)
    assert "ISIC_nv_test_000 nv, test ISIC_train_0 mel, train 0 yes yes" in text
    assert "Non-inferiority" in text
    assert text.count("Research use only; not a medical device") == 2  # on top and at the foot


def test_what_the_archive_says_is_shown_as_text_and_never_as_html(plain: list[ReportPlot]) -> None:
    card = case.card(case.images(), "<script>alert(1)</script>")
    assert "script" not in page(finding_case.evaluation(card=card), plain).tags


def test_a_card_that_says_nothing_still_gives_a_page(plain: list[ReportPlot]) -> None:
    text = page(finding_case.evaluation(card={"images": 3, "warnings": None}), plain).text
    assert "Archive SHA-256 unknown" in text


def test_without_a_test_image_there_is_a_page_and_nothing_is_zero() -> None:
    nothing = dict.fromkeys(contract.CLASS_LABELS, 0)
    evaluation = finding_case.evaluation(counts=nothing, subgroups=())
    text = page(evaluation, html_report.draw_plots(evaluation)).text
    assert "None: there are no test images" in text
    assert "mel melanoma 0 images, 0 lesions not defined n 0" in text
    assert "REJECTED" in text


def test_a_picture_that_cannot_be_shown_costs_the_report_nothing(drawn: list[ReportPlot], tmp_path: Path) -> None:
    (tmp_path / "ISIC_nv_test_000.jpg").write_bytes(b"\xff\xd8 no picture")
    evaluation = finding_case.everything()
    html = html_report.render_report(evaluation, drawn, tmp_path)
    shown = html_report.SHOWN_MISTAKES + 2 * 3 + len(evaluation.clinical.missed)
    assert html.count('<div class="none">no image</div>') == shown


def test_the_threshold_has_a_section_with_counts_predictive_values_and_every_missed_melanoma(
    drawn: list[ReportPlot],
) -> None:
    evaluation = finding_case.everything()
    text, table = page(evaluation, drawn).text.replace("\xa0", " "), evaluation.clinical.table
    assert table is not None
    found, missed = f"{table.melanomas_found} found", f"{table.melanomas_missed} missed"
    assert f"Melanoma {found} {missed} {table.melanomas_found + table.melanomas_missed}" in text
    assert f"Other {table.false_alarms} false alarms {table.others_cleared} cleared" in text
    for each in evaluation.clinical.at_prevalence:
        assert f"{each.prevalence * 100:g} % {report_wording.format_value(each.ppv.value)}" in text
    for missed_one in evaluation.clinical.missed:
        assert missed_one.image_id in text
    beyond = replace(evaluation.clinical, missed=evaluation.clinical.missed * 40)
    told = page(replace(evaluation, clinical=beyond), drawn).text
    assert "Without a picture here, in evaluation.json: ISIC_mel" in told
    none = page(replace(evaluation, clinical=replace(evaluation.clinical, missed=())), drawn).text
    assert "No melanoma among the test images was missed." in none


def test_one_name_means_one_rule_of_prediction(drawn: list[ReportPlot]) -> None:
    """Figures of the threshold are melanoma sensitivity and so on; those of the most probable class are top-class."""
    html = html_report.render_report(finding_case.everything(), drawn, Path("/absent"))
    by_class = html.partition('<section id="classes">')[2].partition("</section>")[0]
    words = Reader(by_class).text
    assert not re.search("[Mm]elanoma (?:sensitivity|specificity|PPV|NPV)", words)
    heads = re.findall(r'data-label="([^"]*)"', by_class)
    rates = {head for head in heads if re.search("sens|spec|PPV|NPV", head, re.IGNORECASE) and "AUC" not in head}
    assert rates == {f"Top-class {name}" for name in ("sensitivity", "specificity", "PPV", "NPV")}


def test_a_temperature_at_its_bound_is_not_called_fitted(plain: list[ReportPlot]) -> None:
    at_bound = replace(finding_case.calibration(), temperature=None, tempered=None, bound=20.0)
    text = page(finding_case.evaluation(calibration=at_bound), plain).text
    assert "No temperature is fitted: on the validation images the search ended at its bound of 20.000" in text
    assert "fitted there" not in text


def test_population_and_patients_are_told_and_folded(plain: list[ReportPlot]) -> None:
    html = html_report.render_report(finding_case.evaluation(), plain, Path("/absent"))
    text = Reader(html).text
    assert report_wording.PATIENT_LIMITATION in text
    folded = html.partition("<summary>Flow of images, demographics")[2].partition("</details>")[0]
    assert "used in test" in folded
    assert Reader(folded).text.count("female") == 1
    assert re.search(r"Reference standard \(dx_type\) histo mel melanoma 80 ", Reader(folded).text)


def test_the_number_of_earlier_candidates_is_told_or_that_nobody_counted(plain: list[ReportPlot]) -> None:
    counted = page(
        finding_case.evaluation(provenance={contract.EARLIER_EVALUATIONS_PARAMETER: "at most 7"}), plain
    ).text
    assert "Earlier candidates on these test images: at most 7. Each further try" in counted
    assert "Earlier candidates were not counted." in page(finding_case.evaluation(), plain).text
