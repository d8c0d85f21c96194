# SPDX-License-Identifier: MIT-0
"""What the pipeline definition tells its jobs is what the jobs take: each option, each hyperparameter."""

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from local.builtin_stand_in import algorithm_hyperparameters
from pipeline_src import contract
from pipeline_src.algorithms.algorithm_table import ALGORITHMS, DEFAULT_ALGORITHM
from pipeline_src.algorithms.efficientnet_lite.pretrained_weights import BACKBONES
from pipeline_src.algorithms.fine_tuning import fine_tuning_hyperparameters
from pipeline_src.algorithms.linear_probe import probe_hyperparameters
from pipeline_src.jobs import command_line, evaluate, preprocess

TAKEN_BY: dict[str, Callable[[dict[str, str]], Any]] = {
    "linear_probe": lambda told: probe_hyperparameters.parse_probe_hyperparameters(told, "it", tuple(BACKBONES)),
    "fine_tuning": lambda told: fine_tuning_hyperparameters.parse_fine_tuning_hyperparameters(told, "it"),
    "builtin_image_classification": lambda told: algorithm_hyperparameters.parse_hyperparameters(told, "it"),
}


def definition_of(algorithm: str) -> Any:
    """Return the reviewed definition of the algorithm."""
    golden = Path(__file__).parent.parent / "pipeline_src" / "golden" / f"{algorithm}.json"
    return json.loads(golden.read_text(encoding="utf-8"))


DEFINITION = definition_of(DEFAULT_ALGORITHM)
DEFAULTS = {f"Parameters.{each['Name']}": each["DefaultValue"] for each in DEFINITION["Parameters"]}
EXECUTION = {"Execution.PipelineExecutionId": "a1b2c3", "Execution.StartDateTime": "2026-11-30T21:03:04Z"}
ARGUMENTS = {step["Name"]: step["Arguments"] for step in DEFINITION["Steps"]}
JOBS: dict[str, Callable[..., Any]] = {
    "Preprocess": preprocess.parse_preprocessing_options,
    "Evaluate": evaluate.parse_evaluation_options,
}


def resolved(value: Any, defaults: Mapping[str, Any] = DEFAULTS) -> str:
    """Return `value` of the definition as the job gets it when all parameters have their defaults."""
    if isinstance(value, str):
        return value
    if "Get" in value:
        return str(({**defaults, **EXECUTION})[value["Get"]])
    if "Std:JsonGet" in value:
        return "5000"  # the dataset card's number of training samples
    return str(value["Std:Join"]["On"]).join(resolved(each, defaults) for each in value["Std:Join"]["Values"])


def given(step: str) -> list[str]:
    return [resolved(each) for each in ARGUMENTS[step]["AppSpecification"]["ContainerArguments"]]


@pytest.mark.parametrize("step", JOBS)
def test_a_job_takes_the_arguments_that_the_definition_gives(step: str) -> None:
    JOBS[step](given(step))


@pytest.mark.parametrize("step", JOBS)
def test_the_definition_gives_every_option_that_a_job_has(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """None is left to a default of the job's own, which nobody would see in an execution's parameters."""
    known: list[str] = []

    class Listening(command_line.JobArgumentParser):
        def add_argument(self, *names: Any, **settings: Any) -> argparse.Action:
            known.extend(name for name in names if name not in ("-h", "--help"))
            return super().add_argument(*names, **settings)

    monkeypatch.setattr(command_line, "JobArgumentParser", Listening)
    JOBS[step](given(step))
    warm_start = {"--starting-model"}  # the options of a definition with warm start alone
    assert set(known) - warm_start == set(given(step)[::2])


@pytest.mark.parametrize("step", JOBS)
def test_the_module_that_a_container_starts_is_the_job(step: str) -> None:
    assert ARGUMENTS[step]["AppSpecification"]["ContainerEntrypoint"] == ["python", "-m", JOBS[step].__module__]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_algorithm_takes_the_hyperparameters_that_the_definition_gives(algorithm: str) -> None:
    """The built-in algorithm's are taken by its stand-in."""
    definition = definition_of(algorithm)
    defaults = {f"Parameters.{each['Name']}": each["DefaultValue"] for each in definition["Parameters"]}
    train = next(step["Arguments"] for step in definition["Steps"] if step["Name"] == contract.TRAIN_STEP)
    told = {name: resolved(value, defaults) for name, value in train["HyperParameters"].items()}
    taken = TAKEN_BY[algorithm](told)
    assert (taken.num_classes, taken.num_training_samples) == (len(contract.CLASS_LABELS), 5000)
