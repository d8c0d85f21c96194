# SPDX-License-Identifier: MIT-0
"""Draws the hyperparameters of a tuning's jobs, at random from the ranges and for the same seed the same.

The service draws other values for that seed: its generator is its own. The spread is as documented: Developer Guide,
"Define Hyperparameter Ranges".
"""

import math
import random
from collections.abc import Callable, Mapping
from typing import Final

from local.document import Object
from local.error import StepError

Values = dict[str, str]

_KINDS: Final = ("IntegerParameterRanges", "ContinuousParameterRanges", "CategoricalParameterRanges")


def names(config: Object) -> list[str]:
    """Return the hyperparameters that a HyperParameterTuningJobConfig looks for."""
    return [str(each.get("Name")) for _, each in _ranges(config)]


def configurations(config: Object) -> list[Values]:
    """Return the hyperparameters of each job; more jobs begin with those of fewer.

    Args:
        config: HyperParameterTuningJobConfig of the request.

    Raises:
        StepError: A range is none.
    """
    # For the spread, not for secrets.
    generator = random.Random(config.get("RandomSeed", 0))
    wanted = _ranges(config)
    jobs = config["ResourceLimits"]["MaxNumberOfTrainingJobs"]
    return [{each["Name"]: _drawn(kind, each, generator) for kind, each in wanted} for _ in range(jobs)]


def _ranges(config: Object) -> list[tuple[str, Object]]:
    given = config.get("ParameterRanges", {})
    return [(kind, each) for kind in _KINDS for each in given.get(kind, [])]


def _drawn(kind: str, given: Object, generator: random.Random) -> str:
    if kind == "CategoricalParameterRanges":
        return str(generator.choice(given["Values"]))
    low, high = _ends(given)
    spread = _SPREADS[given.get("ScalingType", "Linear")]
    if kind == "ContinuousParameterRanges":
        return repr(min(max(spread(low, high, generator), low), high))
    # Half a step more on either side, so that the ends are as likely as the numbers between.
    drawn = round(spread(max(low - 0.5, min(low, 0.5)), high + 0.5, generator))
    return str(int(min(max(drawn, low), high)))


def _ends(given: Object) -> tuple[float, float]:
    scaling = given.get("ScalingType", "Linear")
    try:
        low, high = float(given["MinValue"]), float(given["MaxValue"])
    except ValueError as error:
        raise StepError(f"range of {given['Name']!r}: {error}. Give numbers as text.", code=2) from error
    allowed = {"Logarithmic": low > 0, "ReverseLogarithmic": low >= 0 and high < 1}.get(scaling, True)
    if not (low <= high and allowed):
        ends = f"{given['MinValue']} to {given['MaxValue']}"
        raise StepError(
            f"range of {given['Name']!r}: {ends}, {scaling}. Give the less first; above 0 for Logarithmic, from 0 to "
            "below 1 for ReverseLogarithmic.",
            code=2,
        )
    return low, high


def _linear(low: float, high: float, generator: random.Random) -> float:
    return generator.uniform(low, high)


def _logarithmic(low: float, high: float, generator: random.Random) -> float:
    return math.exp(generator.uniform(math.log(low), math.log(high)))


def _reversed(low: float, high: float, generator: random.Random) -> float:
    return 1 - _logarithmic(1 - high, 1 - low, generator)


_SPREADS: Final[Mapping[str, Callable[[float, float, random.Random], float]]] = {
    "Linear": _linear,
    "Logarithmic": _logarithmic,
    "ReverseLogarithmic": _reversed,
}
