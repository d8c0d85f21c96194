# SPDX-License-Identifier: MIT-0
"""With a tuning, Train is another kind of step, and what stands on its model stands on the best one.

To accept a change of the step, write ``steps["Train"]`` of the fixture below, with ``json.dumps(..., indent=2)`` and a
line end, to golden/<algorithm>_tuning.json, then read the diff.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline_src import contract
from pipeline_src.algorithms.algorithm_specification import AlgorithmSpecification
from pipeline_src.algorithms.algorithm_table import ALGORITHMS
from pipeline_src.definition.pipeline_deployment import OFFLINE_DEPLOYMENT
from tests.pipeline_src.conftest import TUNING, rendered_for
from tests.pipeline_src.definition import check, walk
from tests.pipeline_src.test_definition_golden import differences, leaves

GOLDEN = Path(__file__).parent / "golden"
# Of the built-in algorithm: "Tune an Image Classification Model" in the Developer Guide, "Recommended Ranges".
RECOMMENDED = {
    "learning_rate": (1e-6, 0.5),
    "mini_batch_size": (8, 512),
    "momentum": (0.0, 0.999),
    "weight_decay": (0.0, 0.999),
}


@pytest.fixture
def tuned(algorithm: AlgorithmSpecification) -> Any:
    """The definition with a tuning, for each algorithm."""
    return json.loads(rendered_for(algorithm.name, tuning=TUNING))


@pytest.fixture
def document(algorithm: AlgorithmSpecification) -> Any:
    """The definition without a tuning."""
    return json.loads(rendered_for(algorithm.name))


@pytest.fixture
def steps(tuned: dict[str, Any]) -> dict[str, Any]:
    """Its steps by name."""
    return {step["Name"]: step for step in walk.steps(tuned)}


@pytest.fixture
def train(steps: dict[str, Any]) -> Any:
    """The arguments of Train."""
    return steps[contract.TRAIN_STEP]["Arguments"]


def test_the_step_is_the_reviewed_one(algorithm: AlgorithmSpecification, steps: dict[str, Any]) -> None:
    reviewed = (GOLDEN / f"{algorithm.name}_tuning.json").read_text(encoding="utf-8")
    assert steps[contract.TRAIN_STEP] == json.loads(reviewed)


def test_nothing_is_wrong_with_it(tuned: dict[str, Any]) -> None:
    assert check.problems(tuned) == []


def test_only_what_has_to_do_with_the_model_differs(document: dict[str, Any], steps: dict[str, Any]) -> None:
    plain = {step["Name"]: step for step in walk.steps(document)}
    changed = {
        name
        for name, step in steps.items()
        if name != contract.GATE_STEP and differences(leaves(step), leaves(plain[name]))
    }
    assert changed == {contract.TRAIN_STEP, contract.MODEL_STEP, contract.EVALUATE_STEP, contract.REGISTER_STEP}


def test_parameters_that_the_tuning_decides_are_gone(
    algorithm: AlgorithmSpecification, document: dict[str, Any], tuned: dict[str, Any]
) -> None:
    """A value that is passed and then means nothing would be noted as if it had been trained with."""
    names = [{each["Name"] for each in each_document["Parameters"]} for each_document in (document, tuned)]
    assert names[0] - names[1] == set(algorithm.unused_when_tuned)
    assert algorithm.unused_when_tuned


def test_the_jobs_are_isolated_although_the_sdk_forgets_it(
    algorithm: AlgorithmSpecification, train: dict[str, Any]
) -> None:
    job = train["TrainingJobDefinition"]
    assert (job["EnableNetworkIsolation"], job["EnableInterContainerTrafficEncryption"]) == (True, True)
    assert job["OutputDataConfig"]["KmsKeyId"] == OFFLINE_DEPLOYMENT.kms_key_arn
    assert job["RoleArn"] == OFFLINE_DEPLOYMENT.role_arn
    assert 0 < job["StoppingCondition"]["MaxRuntimeInSeconds"] <= 6 * 3600
    assert ("VolumeKmsKeyId" in job["ResourceConfig"]) is (
        algorithm.volume_key is not False  # and where the type decides, the default one has no local storage
    )


def test_nothing_is_both_fixed_and_looked_for(algorithm: AlgorithmSpecification, train: dict[str, Any]) -> None:
    looked_for = {each.name for each in algorithm.tuning_ranges}
    fixed = train["TrainingJobDefinition"]["StaticHyperParameters"].keys()
    assert looked_for & fixed == set()
    assert looked_for | fixed >= {
        *algorithm.fixed_hyperparameters,
        *algorithm.parameter_of_hyperparameter,
        "image_shape",
        "num_training_samples",
    }


@pytest.mark.parametrize("name", RECOMMENDED)
def test_a_range_of_the_built_in_algorithm_is_recommended_and_holds_the_value_of_a_single_training(name: str) -> None:
    algorithm = ALGORITHMS["builtin_image_classification"]
    (given,) = [each for each in algorithm.tuning_ranges if each.name == name]
    low, high = RECOMMENDED[name]
    assert low <= given.low < given.high <= high
    defaults = {each.name: each.default for each in algorithm.parameters}
    single = algorithm.fixed_hyperparameters.get(name) or defaults[algorithm.parameter_of_hyperparameter[name]]
    assert given.low <= float(single) <= given.high


def test_the_same_values_are_drawn_each_time(train: dict[str, Any]) -> None:
    config = train["HyperParameterTuningJobConfig"]
    assert (config["Strategy"], config["TrainingJobEarlyStoppingType"]) == ("Random", "Off")
    assert config["RandomSeed"] > 0


def test_what_is_scored_and_registered_is_the_best_job_s_model_wherever_it_was_trained(steps: dict[str, Any]) -> None:
    """Also where an earlier execution's tuning is used again, which wrote below that execution's folder."""
    (registered,) = steps[contract.REGISTER_STEP]["Arguments"]["InferenceSpecification"]["Containers"]
    assert registered == steps[contract.MODEL_STEP]["Arguments"]["PrimaryContainer"]
    assert not [name for name in walk.references(registered) if name.startswith("Execution.")]
    assert list(walk.references(registered)) == [
        "Steps.Train.TrainingJobDefinition.OutputDataConfig.S3OutputPath",
        "Steps.Train.BestTrainingJob.TrainingJobName",
    ]


def test_report_and_package_say_what_was_chosen_of_how_many(
    algorithm: AlgorithmSpecification, steps: dict[str, Any]
) -> None:
    told = steps[contract.EVALUATE_STEP]["Arguments"]["AppSpecification"]["ContainerArguments"]
    shown = steps[contract.REGISTER_STEP]["Arguments"]["CustomerMetadataProperties"]
    best = {f"Steps.Train.BestTrainingJob.TunedHyperParameters['{each.name}']" for each in algorithm.tuning_ranges}
    counted = "Steps.Train.TrainingJobStatusCounters.Completed"
    for place in (told, shown):
        assert {*best, counted} <= set(walk.references(place))
