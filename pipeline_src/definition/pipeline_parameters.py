# SPDX-License-Identifier: MIT-0
"""The parameters of the pipeline: those of every algorithm, and those of the chosen one.

Standard library only. Every default works after a deployment and one upload. `InputArchive`, `AdditionalArchive` and
`ChampionPredictions` are declared in pipeline.py, because their defaults name objects of the deployment.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Final

from pipeline_src import contract, gate_thresholds
from pipeline_src.algorithms.algorithm_specification import (
    AlgorithmSpecification,
    ParameterValue,
    PipelineParameter,
)

_DEFAULT_THRESHOLDS: Final = asdict(gate_thresholds.THRESHOLD_PROFILES["default"])

# Which types each step can use is said in instance_types.py, against which the settings are checked.
_BEFORE_ALGORITHM: Final = (
    PipelineParameter("PreprocessInstanceType", "ml.c5.xlarge"),
    PipelineParameter("TrainInstanceType", ""),  # of the algorithm
    PipelineParameter("TrainInstanceCount", 1),
    PipelineParameter("ScoreInstanceType", "ml.c5.xlarge"),
    PipelineParameter("ScoreInstanceCount", 1),
    PipelineParameter("EvaluateInstanceType", "ml.m5.large"),
    PipelineParameter("ImageSize", 224),
    PipelineParameter("ValidationFraction", 0.15),
    PipelineParameter("TestFraction", 0.20),
    PipelineParameter("ClassBalance", "repeat", ("none", "repeat")),
    PipelineParameter("RepeatCap", 10),
    PipelineParameter("AllowedMissingImages", 0),
    # Training images that look like a held-out one: left out, only listed, or the job fails.
    PipelineParameter("NearDuplicates", "drop", ("drop", "report", "fail")),
)
_AFTER_ALGORITHM: Final = (
    PipelineParameter("MelanomaTargetSensitivity", 0.90),
    *(
        PipelineParameter(name, _DEFAULT_THRESHOLDS[floor])
        for floor, name in gate_thresholds.THRESHOLD_PARAMETERS.items()
    ),
    PipelineParameter(
        "ModelApprovalStatus", "PendingManualApproval", ("PendingManualApproval", "Approved", "Rejected")
    ),
    # The commit that the execution was started for; recorded in the report and the model package.
    PipelineParameter(contract.SOURCE_COMMIT_PARAMETER, "unknown"),
    # How many candidates were evaluated on this test set before, where the starter knows it; recorded in the report.
    PipelineParameter(contract.EARLIER_EVALUATIONS_PARAMETER, "unknown"),
    # The model package whose predictions ChampionPredictions names; recorded in the report.
    PipelineParameter(contract.CHAMPION_PACKAGE_PARAMETER, contract.NO_PACKAGE),
)


def pipeline_parameters(
    algorithm: AlgorithmSpecification, defaults: Mapping[str, ParameterValue] | None = None
) -> tuple[PipelineParameter, ...]:
    """Return the parameters of a pipeline that trains with `algorithm`, with the defaults that `defaults` gives.

    Raises:
        ValueError: `defaults` names no parameter, or gives a value of another type or none of its choices.
    """
    declared = (*_BEFORE_ALGORITHM, *algorithm.parameters, *_AFTER_ALGORITHM)
    given = {**algorithm.parameter_defaults, **(defaults or {})}
    unknown = sorted(given.keys() - {each.name for each in declared})
    if unknown:
        raise ValueError(f"pipeline parameters {unknown}: unknown. Known: {[each.name for each in declared]}.")
    return tuple(_with_default(each, given.get(each.name, each.default)) for each in declared)


def _with_default(given: PipelineParameter, default: ParameterValue) -> PipelineParameter:
    if type(default) is not type(given.default):
        wanted = type(given.default).__name__
        raise ValueError(f"pipeline parameter {given.name}: {default!r} is no {wanted}. Give a {wanted}.")
    if given.choices and default not in given.choices:
        raise ValueError(f"pipeline parameter {given.name}: {default!r} is none of {given.choices}.")
    return replace(given, default=default)
