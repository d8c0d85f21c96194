# SPDX-License-Identifier: MIT-0
"""What every job must be, whatever else changes: isolated, encrypted, limited, tagged, cached where that is right."""

import dataclasses
import hashlib
import json
from typing import Any

import pytest

from local.engine import definition_validation
from pipeline_src import contract
from pipeline_src.algorithms.algorithm_specification import AlgorithmSpecification
from pipeline_src.algorithms.algorithm_table import ALGORITHMS
from pipeline_src.definition import instance_types, retry_policies
from pipeline_src.definition.pipeline import definition_json
from pipeline_src.definition.pipeline_deployment import OFFLINE_DEPLOYMENT, TuningSettings, offline_deployment
from tests.pipeline_src.conftest import TUNING, rendered_for
from tests.pipeline_src.definition import check, walk

Arguments = dict[str, Any]
PROCESSING = [contract.PREPROCESS_STEP, contract.EVALUATE_STEP]
CACHED = [contract.PREPROCESS_STEP, contract.TRAIN_STEP, contract.SCORE_STEP, contract.EVALUATE_STEP]
# What the service compares before it reuses a step (Developer Guide, "Caching pipeline steps").
CACHE_KEYS = {
    "AppSpecification",
    "Environment",
    "ProcessingInputs",
    "AlgorithmSpecification",
    "CheckpointConfig",
    "HyperParameters",
    "InputDataConfig",
    "DataProcessing",
    "ModelName",
    "TransformInput",
}


@pytest.mark.parametrize("step", PROCESSING)
def test_processing_has_no_network(arguments: Arguments, step: str) -> None:
    assert arguments[step]["NetworkConfig"]["EnableNetworkIsolation"] is True


@pytest.mark.parametrize("step", [contract.TRAIN_STEP, contract.MODEL_STEP])
def test_training_and_the_model_have_no_network(arguments: Arguments, step: str) -> None:
    """The model's isolation holds for Score, which runs it, and for every endpoint made of it."""
    assert arguments[step]["EnableNetworkIsolation"] is True


@pytest.mark.parametrize("step", PROCESSING)
def test_processing_encrypts_volume_and_outputs_with_our_key(arguments: Arguments, step: str) -> None:
    assert arguments[step]["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == OFFLINE_DEPLOYMENT.kms_key_arn
    assert arguments[step]["ProcessingOutputConfig"]["KmsKeyId"] == OFFLINE_DEPLOYMENT.kms_key_arn


def test_scoring_encrypts_volume_and_output_with_our_key(arguments: Arguments) -> None:
    assert arguments[contract.SCORE_STEP]["TransformResources"]["VolumeKmsKeyId"] == OFFLINE_DEPLOYMENT.kms_key_arn
    assert arguments[contract.SCORE_STEP]["TransformOutput"]["KmsKeyId"] == OFFLINE_DEPLOYMENT.kms_key_arn


def test_training_encrypts_its_model_and_its_traffic(arguments: Arguments) -> None:
    assert arguments[contract.TRAIN_STEP]["OutputDataConfig"]["KmsKeyId"] == OFFLINE_DEPLOYMENT.kms_key_arn
    assert arguments[contract.TRAIN_STEP]["EnableInterContainerTrafficEncryption"] is True


def test_training_names_a_key_for_its_volume_unless_its_instances_have_local_storage(
    algorithm: AlgorithmSpecification,
) -> None:
    """Local storage, which GPU instances have, encrypts itself, and the service refuses a key for it."""
    train = next(each for each in json.loads(rendered_for(algorithm.name))["Steps"] if each["Name"] == "Train")
    key = train["Arguments"]["ResourceConfig"].get("VolumeKmsKeyId")
    family = instance_types.FAMILIES[algorithm.default_instance.split(".")[1]]
    assert key == (None if family.local_storage else OFFLINE_DEPLOYMENT.kms_key_arn)


@pytest.mark.parametrize(("kind", "keyed"), [("ml.g5.xlarge", False), ("ml.c5.4xlarge", True)])
@pytest.mark.parametrize("tuning", [None, TUNING])
def test_an_algorithm_for_cpus_and_gpus_names_a_key_as_the_chosen_type_takes_one(
    kind: str,
    keyed: bool,  # noqa: FBT001  parametrized
    tuning: TuningSettings | None,
) -> None:
    algorithm = next(name for name, each in ALGORITHMS.items() if each.volume_key is None)
    chosen = dataclasses.replace(offline_deployment(algorithm), defaults={"TrainInstanceType": kind}, tuning=tuning)
    train = next(each for each in json.loads(definition_json(chosen))["Steps"] if each["Name"] == "Train")["Arguments"]
    resources = train.get("TrainingJobDefinition", train)["ResourceConfig"]
    assert ("VolumeKmsKeyId" in resources) is keyed


@pytest.mark.parametrize("step", [*PROCESSING, contract.TRAIN_STEP])
def test_a_job_ends_within_hours(arguments: Arguments, step: str) -> None:
    assert 0 < arguments[step]["StoppingCondition"]["MaxRuntimeInSeconds"] <= 6 * 3600


def test_scoring_waits_a_minute_for_an_answer(arguments: Arguments) -> None:
    """A transform job has no limit for the whole."""
    client = arguments[contract.SCORE_STEP]["ModelClientConfig"]
    assert client["InvocationsTimeoutInSeconds"] <= 60
    assert client["InvocationsMaxRetries"] <= 3


@pytest.mark.parametrize("step", [*CACHED, contract.MODEL_STEP])
def test_what_costs_money_is_tagged(arguments: Arguments, step: str) -> None:
    tags = {tag["Key"]: tag["Value"] for tag in arguments[step]["Tags"]}
    assert tags == {"pipeline": OFFLINE_DEPLOYMENT.pipeline_name, **OFFLINE_DEPLOYMENT.tags}


def test_every_step_runs_in_the_jobs_role(arguments: Arguments) -> None:
    roles = {value for place, value in walk.places(arguments) if str(place[-1]).endswith("RoleArn")}
    assert roles == {OFFLINE_DEPLOYMENT.role_arn}


def test_steps_are_reused_for_thirty_days(steps: dict[str, Any]) -> None:
    cached = {
        name for name, step in steps.items() if step.get("CacheConfig") == {"Enabled": True, "ExpireAfter": "P30D"}
    }
    assert cached == set(CACHED)


NOTED_VARIABLES = {"Execution.PipelineExecutionId", "Execution.StartDateTime"}


@pytest.mark.parametrize("step", CACHED)
def test_nothing_that_a_cached_step_is_recognized_by_names_the_execution(arguments: Arguments, step: str) -> None:
    """Otherwise no execution would ever find an earlier one's result."""
    key = {name: value for name, value in arguments[step].items() if name in CACHE_KEYS}
    assert key
    named = {name for name in walk.references(key) if name.startswith("Execution.")}
    assert named == (NOTED_VARIABLES if step == contract.EVALUATE_STEP else set())


def test_evaluate_may_note_the_execution_because_it_is_never_reused(arguments: Arguments) -> None:
    """Its input is the output of Score, which is recognized by the name of the execution's own, new model."""
    scored = f"Steps.{contract.SCORE_STEP}.TransformOutput.S3OutputPath"
    assert scored in set(walk.references(arguments[contract.EVALUATE_STEP]["ProcessingInputs"]))
    model = arguments[contract.SCORE_STEP]["ModelName"]
    assert [name.split(".")[1] for name in walk.references(model)] == [contract.MODEL_STEP]


def test_spot_training_is_recognized_again(spot_arguments: Arguments) -> None:
    """The prefix of its checkpoints is part of what it is recognized by, so it must not name the execution."""
    uri = spot_arguments["CheckpointConfig"]["S3Uri"]
    assert [name for name in walk.references(uri) if name.startswith("Execution.")] == []


def test_checkpoints_of_a_training_are_read_by_no_other_training(document: dict[str, Any]) -> None:
    """All that a run or a new version may change, and that changes the model, is in the prefix of the checkpoints."""
    for algorithm in (each for each in ALGORITHMS.values() if each.checkpoints == "training"):
        steps = json.loads(rendered_for(algorithm.name, spot=True))["Steps"]
        spot_arguments = next(each for each in steps if each["Name"] == contract.TRAIN_STEP)["Arguments"]
        uri = spot_arguments["CheckpointConfig"]["S3Uri"]
        preprocess = next(step["Arguments"] for step in document["Steps"] if step["Name"] == contract.PREPROCESS_STEP)
        hyperparameters = spot_arguments["HyperParameters"]
        shaping = {*walk.references(hyperparameters), *walk.references(preprocess["AppSpecification"])}
        named = set(walk.references(uri))
        assert {name for name in shaping if name.startswith("Parameters.")} == {
            n for n in named if n.startswith("Parameters.")
        }
        paths = [value for place, value in walk.places(uri) if place[-1] == "Path"]
        assert paths == [contract.ARCHIVE_SHA256_PATH, contract.ADDITION_SHA256_PATH]
        fixed = {name: hyperparameters[name] for name in algorithm.fixed_hyperparameters}
        digest = hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()[:12]
        texts = {value for _, value in walk.places(uri) if isinstance(value, str)}
        assert {digest, OFFLINE_DEPLOYMENT.preprocessing_image} <= texts


def test_results_named_by_their_content_have_one_place_for_all_trainings(algorithm: AlgorithmSpecification) -> None:
    train = next(each for each in json.loads(rendered_for(algorithm.name))["Steps"] if each["Name"] == "Train")
    config = train["Arguments"].get("CheckpointConfig")
    shared = {"S3Uri": f"s3://{OFFLINE_DEPLOYMENT.runs_bucket}/{contract.CHECKPOINTS_PREFIX}{algorithm.name}"}
    assert config == (shared if algorithm.checkpoints == "content" else None)


def test_the_request_names_metrics_only_for_images_of_ours(algorithm: AlgorithmSpecification) -> None:
    train = next(each for each in json.loads(rendered_for(algorithm.name))["Steps"] if each["Name"] == "Train")
    given = train["Arguments"]["AlgorithmSpecification"]
    built = algorithm.training_image.is_built
    assert [each["Name"] for each in given.get("MetricDefinitions", [])] == (list(algorithm.metrics) if built else [])


def test_spot_training_waits_longer_than_it_runs(spot_arguments: Arguments) -> None:
    limit = spot_arguments["StoppingCondition"]
    assert spot_arguments["EnableManagedSpotTraining"] is True
    assert limit["MaxRuntimeInSeconds"] < limit["MaxWaitTimeInSeconds"]


@pytest.mark.parametrize("which", ["rendered", "rendered_with_tuning"])
def test_each_step_that_asks_a_service_is_tried_again_and_bounded(request: pytest.FixtureRequest, which: str) -> None:
    """A full region, a throttled request or a lost job does not end an execution; what never mends does, in time."""
    document = json.loads(request.getfixturevalue(which))
    for step in walk.steps(document):
        policies = step.get("RetryPolicies", [])
        assert {name for each in policies for name in each["ExceptionType"]} == {
            name for each in retry_policies.RETRY_POLICIES.get(step["Type"], ()) for name in each.exceptions
        }, step["Name"]
        assert bool(policies) is (step["Type"] not in ("Condition", "Fail"))
        waits = [each["IntervalSeconds"] * (2 ** each["MaxAttempts"] - 1) for each in policies]
        assert all(each["BackoffRate"] == 2 for each in policies)
        assert sum(waits) <= 2 * 3600


def test_a_tuning_tries_lost_jobs_again_by_itself(rendered_with_tuning: str) -> None:
    train = next(each for each in walk.steps(json.loads(rendered_with_tuning)) if each["Type"] == "Tuning")
    assert train["Arguments"]["TrainingJobDefinition"]["RetryStrategy"] == {"MaximumRetryAttempts": 2}


def test_instances_of_training_are_kept_only_where_that_is_asked_for(arguments: Arguments) -> None:
    warm = json.loads(definition_json(dataclasses.replace(OFFLINE_DEPLOYMENT, keep_warm_seconds=600)))
    train = next(each for each in walk.steps(warm) if each["Name"] == contract.TRAIN_STEP)
    resources = train["Arguments"]["ResourceConfig"]
    assert resources == arguments[contract.TRAIN_STEP]["ResourceConfig"] | {"KeepAlivePeriodInSeconds": 600}
    assert "KeepAlivePeriodInSeconds" not in arguments[contract.TRAIN_STEP]["ResourceConfig"]
    assert check.problems(warm) == []
    assert definition_validation.parse_definition(warm)
