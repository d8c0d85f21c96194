# SPDX-License-Identifier: MIT-0
"""What must be known before anything else stands first, the worst of it first, and nothing is left to guess."""

from dataclasses import replace
from typing import Any

import pytest

from pipeline_src.gate_thresholds import GateThresholds
from pipeline_src.report import report_findings
from pipeline_src.report.report_findings import CAUTION, GOOD, NOTE, PROBLEM, SEVERITIES, ReportNotice
from tests.jobs.evaluation import case
from tests.jobs.report import finding_case

CLEAR = (
    "No near-duplicate detectable by the audit, no subgroup proven weak, no overconfidence above 0.10, "
    "no class below 10 test images."
)


def notices(floors: GateThresholds = finding_case.STRICT, **changed: Any) -> list[ReportNotice]:
    return report_findings.report_notices(finding_case.evaluation(floors, **changed))


def led(found: list[ReportNotice], lead: str) -> ReportNotice:
    (notice,) = [each for each in found if each.lead == lead]
    return notice


def test_a_model_without_a_finding_has_what_was_looked_for_in_one_line() -> None:
    assert [(each.severity, each.lead) for each in notices()] == [
        (GOOD, "Checked, no problem found."),
        (NOTE, "No champion to compare with."),
    ]
    assert notices()[0].text == CLEAR


def test_what_was_found_is_not_said_to_be_clear() -> None:
    found = notices(
        leakage=finding_case.leakage(dropped=1),
        subgroups=finding_case.subgroups(weak=-0.2),
        calibration=finding_case.calibration(0.2),
        counts=finding_case.COUNTS | {"df": 9},
    )
    assert "Checked, no problem found." not in {each.lead for each in found}


def test_the_worst_comes_first_whatever_its_section() -> None:
    card = case.card(case.images(), "synthetic")
    found = notices(card=card, comparison=finding_case.compared(-0.1), leakage=finding_case.leakage(dropped=1))
    order = [SEVERITIES.index(each.severity) for each in found]
    assert order == sorted(order)
    assert found[0].lead.startswith("Worse than the champion in ")


def test_a_leak_is_a_problem_while_in_training_and_a_caution_once_dropped() -> None:
    still = led(notices(leakage=finding_case.leakage(leaked=1, dropped=4)), "Leak in the training images.")
    assert (still.severity, still.section) == (PROBLEM, "dataset")
    assert still.text.startswith("1 test image with a near-duplicate in training")
    dropped = led(notices(leakage=finding_case.leakage(dropped=4)), "Leak found and removed.")
    assert (dropped.severity, dropped.text[:17]) == (CAUTION, "4 training images")


def test_twins_that_no_training_saw_are_a_caution_and_no_audit_is_one_too() -> None:
    harmless = replace(finding_case.leakage(dropped=1), dropped=0)
    assert led(notices(leakage=harmless), "Near-duplicates across splits.").severity == CAUTION
    absent = replace(finding_case.leakage(), audited=False, leaked=None)
    assert led(notices(leakage=absent), "Not audited for leaks.").severity == PROBLEM


def test_weak_subgroups_are_named_the_weakest_first_and_the_gate_decides_how_bad_that_is() -> None:
    groups = (finding_case.subgroup("age", "45 to 59", 90, -0.12), *finding_case.subgroups(weak=-0.2))
    notice = led(notices(subgroups=groups), "Weak subgroups.")
    assert notice.severity == CAUTION
    assert notice.text == (
        "Balanced accuracy: sex female (0.610, n 150), age 45 to 59 (0.690, n 90); all test images 0.812."
    )
    assert led(notices(subgroups=finding_case.subgroups(weak=-0.5)), "Weak subgroup.").severity == PROBLEM


def test_many_weak_subgroups_are_counted() -> None:
    groups = tuple(finding_case.subgroup("localization", f"site {number}", 90, -0.2) for number in range(5))
    assert " and 2 more; all test images 0.812." in led(notices(subgroups=groups), "Weak subgroups.").text


def test_that_no_subgroup_can_be_judged_is_said() -> None:
    assert led(notices(subgroups=(finding_case.subgroup("sex", "male", 3),)), "No subgroup is evaluable.")


def test_a_deficit_below_a_tenth_deserves_caution_in_every_metric_though_it_is_not_proven() -> None:
    first, *others = finding_case.subgroups()
    low = replace(first, melanoma_auc_difference=finding_case.estimate(-0.12), difference=finding_case.estimate(-0.11))
    found = notices(subgroups=(low, *others))
    notice = led(found, "Lower in a subgroup, not proven.")
    assert notice.severity == CAUTION
    assert notice.text == (
        "sex female \u22120.120 melanoma AUC, sex female \u22120.110 balanced accuracy, against all others."
    )
    assert "no subgroup proven weak" not in str(found)
    mild = replace(first, difference=finding_case.estimate(-0.10))
    assert "no subgroup proven weak" in str(notices(subgroups=(mild, *others)))


@pytest.mark.parametrize(("detectable", "lead"), [(0.11, "Subgroups: little can be found."), (0.10, None)])
def test_nothing_is_green_where_a_deficit_could_hardly_be_found(detectable: float, lead: str | None) -> None:
    first, *others = finding_case.subgroups()
    found = notices(subgroups=(replace(first, detectable=detectable), *others))
    assert ("no subgroup proven weak" in str(found)) == (lead is None)
    assert (lead in {each.lead for each in found}) == (lead is not None)


def test_that_no_subgroup_can_be_compared_is_said() -> None:
    groups = tuple(replace(each, detectable=None) for each in finding_case.subgroups())
    assert led(notices(subgroups=groups), "No subgroup can be compared.").severity == CAUTION


@pytest.mark.parametrize(("over", "severity"), [(0.2, PROBLEM), (0.14, CAUTION), (0.1, None)])
def test_overconfidence_is_said_where_the_gate_minds_or_it_is_beyond_what_is_common(
    over: float, severity: str | None
) -> None:
    found = [each for each in notices(calibration=finding_case.calibration(over)) if each.lead == "Overconfident."]
    assert [each.severity for each in found] == ([] if severity is None else [severity])


def test_what_the_gate_minds_is_a_problem_however_common_it_is() -> None:
    strict = replace(finding_case.STRICT, overconfidence=0.05)
    assert led(notices(strict, calibration=finding_case.calibration(0.06)), "Overconfident.").severity == PROBLEM


def test_overconfidence_comes_with_its_remedy_where_there_is_one() -> None:
    measured = finding_case.calibration(0.2)
    said = led(notices(calibration=measured), "Overconfident.").text
    assert said == "Mean confidence exceeds accuracy by 0.200, ECE 0.210; temperature 2.600 would change it to 0.030."
    without = replace(measured, temperature=None, tempered=None)
    assert led(notices(calibration=without), "Overconfident.").text.endswith("ECE 0.210.")


def test_thin_classes_are_named_the_rarest_first() -> None:
    counts = finding_case.COUNTS | {"df": 3, "vasc": 1}
    notice = led(notices(counts=counts), "Thin classes.")
    assert (notice.severity, notice.text[:37]) == (PROBLEM, "vasc 1 test image, df 3 test images: ")
    assert led(notices(finding_case.LENIENT, counts=counts), "Thin classes.").severity == CAUTION


@pytest.mark.parametrize(("source", "times"), [("synthetic", 1), ("rosendahl", 0)])
def test_synthetic_images_are_called_so_and_real_ones_are_not(source: str, times: int) -> None:
    found = notices(card=case.card(case.images(), source))
    assert len([each for each in found if each.lead == "Synthetic images."]) == times
