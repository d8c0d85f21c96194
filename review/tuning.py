# SPDX-License-Identifier: MIT-0
"""A training that becomes a tuning, or the other way round: the same job, one or many times.

Source: SageMaker API Reference, CreateTrainingJob and CreateHyperParameterTuningJob.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from review.markdown import code, counted

_TUNING: Final = "Tuning"
_JOB: Final = "TrainingJobDefinition"
_CONFIG: Final = "HyperParameterTuningJobConfig"
_STATIC: Final = "StaticHyperParameters"

Body = Mapping[str, Any]


def switched(old: Body, new: Body) -> str:
    """Return in words that a training becomes a tuning or the other way round; empty where neither does."""
    kinds = {old.get("Type"), new.get("Type")}
    if kinds != {"Training", _TUNING}:
        return ""
    if old["Type"] == _TUNING:
        return f"one training takes the place of a tuning of {_size(old)}"
    tried = ", ".join(_ranges(new[_CONFIG]))
    return f"becomes a tuning of {_size(new)}, which looks for {tried}"


def job(body: Body) -> Body:
    """Return a tuning in the words of one of its trainings, without what makes it a tuning; anything else as it is."""
    if body.get("Type") != _TUNING:
        return body
    told = {key: each for key, each in body[_JOB].items() if key != _STATIC}
    rest = {key: each for key, each in body.items() if key not in {_JOB, _CONFIG}}
    return rest | told | {"Type": "Training", "HyperParameters": body[_JOB].get(_STATIC, {})}


def _size(body: Body) -> str:
    limits = body.get(_CONFIG, {}).get("ResourceLimits", {})
    jobs, at_once = limits.get("MaxNumberOfTrainingJobs", 1), limits.get("MaxParallelTrainingJobs", 1)
    return f"{counted(int(jobs), 'job')}, {at_once} at once"


def _ranges(config: Body) -> Iterator[str]:
    for ranges in config.get("ParameterRanges", {}).values():
        for each in ranges:
            within = "/".join(each["Values"]) if "Values" in each else f"{each['MinValue']} to {each['MaxValue']}"
            yield f"{code(each['Name'])} {within}"
