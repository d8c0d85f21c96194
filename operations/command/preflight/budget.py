# SPDX-License-Identifier: MIT-0
"""The estimated cost of a month against the budget of the settings; nothing is asked of AWS for it."""

from collections.abc import Iterator
from typing import Final

from operations.command.preflight.demand import Demand
from operations.command.preflight.finding import Finding, Verdict

_ITEMS: Final = "make cost itemizes it"


def enough(demand: Demand) -> Iterator[Finding]:
    """Yield how the estimate stands to the budget, then what the estimate does not know."""
    cost, budget = demand.cost, demand.budget
    told = f"a month in which nothing happens: {cost.month:.2f} $; a retraining: {cost.retraining:.2f} $"
    if not budget:
        remedy = f"Set budget.monthly_usd to what you are ready to spend; {_ITEMS}."
        yield Finding(Verdict.WARNING, f"{told}; no budget is set, so nothing warns of a bill", remedy)
    elif cost.month > budget:
        remedy = f"Raise budget.monthly_usd, or choose fewer or smaller instances; {_ITEMS}."
        yield Finding(Verdict.FAILED, f"{told}; the budget is {budget} $", remedy)
    elif cost.month + cost.scaled > budget:
        remedy = f"Lower production.maximum or staging.maximum, or raise budget.monthly_usd; {_ITEMS}."
        sentence = f"{told}; with all that autoscaling may add {cost.scaled:.2f} $ more; the budget is {budget} $"
        yield Finding(Verdict.WARNING, sentence, remedy)
    else:
        yield Finding(Verdict.OK, f"{told}; the budget is {budget} $ ({cost.source})")
    if cost.uncounted:
        remedy = "Add the price to stacks/price.py, or look it up before you deploy."
        yield Finding(Verdict.WARNING, f"not counted, for want of a price: {'; '.join(cost.uncounted)}", remedy)
