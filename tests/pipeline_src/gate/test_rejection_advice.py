# SPDX-License-Identifier: MIT-0
"""What would help follows from the requirements that are missed, and is the same in reason, report and summary."""

from itertools import combinations
from typing import Any

import pytest

from pipeline_src import contract, gate, gate_thresholds, rejection_advice
from tests.pipeline_src.gate.judged import FLOORS, changed, report


def missed(name: str, got: float | None = 0.1, **fields: Any) -> gate.GateRequirement:
    given: dict[str, Any] = {"wanted": 0.5, "sense": gate.AT_LEAST, "verdict": gate.MISSED} | fields
    return gate.GateRequirement(name=name, got=got, **given)


def advice(*requirements: gate.GateRequirement) -> tuple[str, ...]:
    return rejection_advice.advise_on_rejection(requirements)


LOSS = "champion_balanced_accuracy_loss"
CASES = {
    "a thin class": ([missed("test_images", 4, wanted=10, place="df")], "dermatofibroma (df), about 2.5 times as many"),
    "a class without an image": ([missed("test_images", 0, wanted=10, place="df")], "no usable image of it"),
    "a weak class": ([missed("class_sensitivity", place="bcc")], "training lesions of basal cell carcinoma (bcc)"),
    "missed melanomas": ([missed("melanoma_sensitivity")], "Raise MelanomaTargetSensitivity"),
    "false alarms": ([missed("melanoma_specificity")], "Lower MelanomaTargetSensitivity"),
    "both": ([missed("melanoma_sensitivity"), missed("melanoma_specificity")], "no threshold gives both"),
    "no melanoma": ([missed("melanoma_sensitivity", None)], "no operating point"),
    "a wide interval": ([missed("melanoma_sensitivity_lower")], "larger TestFraction: melanoma sensitivity suffices"),
    "a subgroup": ([missed("subgroup_balanced_accuracy", place="sex: male")], "the subgroup sex: male"),
    "no subgroup": ([missed("subgroup_balanced_accuracy", None)], "no subgroup has enough"),
    "overconfidence": ([missed("overconfidence")], "stronger regularisation"),
    "no confidence": ([missed("overconfidence", None)], "could not be measured"),
    "a leak": ([missed("leaked_test_images", 2)], "NearDuplicates=drop"),
    "no audit": ([missed("leaked_test_images", None)], "no audit"),
    "a better champion": ([missed(LOSS, lower=0.05)], "Keep the champion"),
    "an open comparison": ([missed(LOSS, lower=-0.05)], "neither shown nor ruled out"),
    "another test set": ([missed(LOSS, None)], "without the champion"),
    "a new requirement": ([missed("new_one", place="nv")], "For new one: more lesions of nv"),
}


@pytest.mark.parametrize("name", CASES)
def test_each_cause_has_advice_of_its_own(name: str) -> None:
    requirements, said = CASES[name]
    (sentence,) = advice(*requirements)
    assert said in sentence


def test_no_two_causes_have_the_same_advice() -> None:
    every = [advice(*requirements) for requirements, _ in CASES.values()]
    assert all(one != other for one, other in combinations(every, 2))


def test_a_lower_end_adds_nothing_where_its_own_estimate_is_too_low() -> None:
    alone = advice(missed("balanced_accuracy"))
    assert advice(missed("balanced_accuracy"), missed("balanced_accuracy_lower")) == alone


def test_every_requirement_of_the_gate_has_advice_in_ascii_with_and_without_a_value() -> None:
    for name in gate_thresholds.THRESHOLD_PARAMETERS:
        for got in (None, 0.1):
            said = advice(missed(name, got))
            assert said
            assert all(sentence.isascii() and sentence.endswith(".") for sentence in said)
            assert not any(sentence.startswith("For ") for sentence in said), "known requirements have their own"


def test_a_pass_has_no_advice() -> None:
    assert gate.decide_verdict(report(), FLOORS).as_json()["advice"] == []


def test_the_failure_reason_ends_with_the_advice_of_the_evaluation() -> None:
    verdict = gate.decide_verdict(changed("overconfidence", 0.4), FLOORS)
    assert verdict.verdict == contract.VERDICT_REJECT
    (sentence,) = verdict.advice
    assert verdict.reason.endswith(f". What would help: {sentence}")
    assert verdict.as_json()["advice"] == [sentence]
