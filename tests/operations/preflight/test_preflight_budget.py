# SPDX-License-Identifier: MIT-0
"""The estimated cost of a month is within the budget, with and without what autoscaling may add."""

import pytest

from operations.preflight import quota_and_budget
from operations.preflight.preflight_check import PreflightVerdict
from operations.preflight.preflight_requirements import EstimatedCost
from tests.operations.preflight.sample import demanding, only


@pytest.mark.parametrize(
    ("amount", "verdict", "said", "remedy"),
    [
        (
            400,
            PreflightVerdict.OK,
            "$242.11; a retraining: $0.88; the budget is $400 (list prices of somewhere)",
            "",
        ),
        (392, PreflightVerdict.OK, "the budget is $392", ""),
        (
            391,
            PreflightVerdict.WARNING,
            "all instances of autoscaling add $148.92; the budget is $391",
            "Lower production",
        ),
        (243, PreflightVerdict.WARNING, "the budget is $243", "production.maximum"),
        (
            242,
            PreflightVerdict.FAILED,
            "$242.11; a retraining: $0.88; the budget is $242",
            "Raise budget.monthly_usd",
        ),
        (0, PreflightVerdict.WARNING, "no budget is set, so no alert is sent", "Set budget.monthly_usd"),
    ],
)
def test_the_estimate_stands_to_the_budget(amount: int, verdict: PreflightVerdict, said: str, remedy: str) -> None:
    finding = only(quota_and_budget.check_budget(demanding(budget=amount)))
    assert finding.verdict is verdict
    assert said in finding.sentence
    assert remedy in finding.remedy


def test_what_has_no_price_is_said() -> None:
    cost = EstimatedCost(1.0, 0.0, 0.0, ("Train: 1 ml.g5.48xlarge, 65 min", "Score"), "")
    _, finding = quota_and_budget.check_budget(demanding(cost=cost))
    assert finding.verdict is PreflightVerdict.WARNING
    assert (
        finding.sentence == "not in the estimate, because the price is unknown: Train: 1 ml.g5.48xlarge, 65 min; Score"
    )
    assert "stacks/settings/aws_prices.py" in finding.remedy
