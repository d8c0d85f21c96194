# SPDX-License-Identifier: MIT-0
"""A setting makes Train a tuning; what that costs is bounded; the pipeline may run it only where it is wanted."""

import copy
import dataclasses
import json
from typing import Any

import pytest
from aws_cdk import App

from operations.commands.execution_history import MLFLOW_OUTPUT
from pipeline_src.algorithms.algorithm_table import DEFAULT_ALGORITHM, find_algorithm
from pipeline_src.definition.pipeline import definition_json
from pipeline_src.definition.pipeline_deployment import OFFLINE_DEPLOYMENT
from stacks.costs import cost_estimate
from stacks.settings import aws_prices
from stacks.settings.deployment_settings import Settings, TrainingSettings
from stacks.settings.settings_context import settings_from_context
from stacks.settings.settings_validation import validate_settings
from stacks.storage.storage_stack import StorageStack
from stacks.training.training_stack import TrainingStack
from stacks.training.training_stack import tuning_from_settings as wanted
from tests.assembly import FLAGS, templates_in
from tests.proof.check import CHECKERS
from tests.proof.intrinsic import resources
from tests.proof.mutation import GONE, find, statement
from tests.proof.policy import policies
from tests.proof.sample import ACCOUNT, REGION
from tests.proof.simulation import Question, Request, allowed

JOB = "HyperParameterTuningJob"
ALGORITHM = find_algorithm(DEFAULT_ALGORITHM)
MLFLOW = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:mlflow-tracking-server/runs"
TUNED = TrainingSettings(tuning_jobs=5, tuning_parallel=2)


def statements(documents: dict[str, Any]) -> list[dict[str, Any]]:
    """What the role of the pipeline may do to tuning jobs."""
    policies = [each for each in resources(documents) if each.kind == "AWS::IAM::Policy" and each.stack == "Training"]
    found = [one for each in policies for one in each.properties["PolicyDocument"]["Statement"]]
    return [each for each in found if JOB in json.dumps(each["Action"]) or JOB in json.dumps(each.get("Condition"))]


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The templates of storage and training where training tunes, and where runs are exported to MLflow."""
    given = {"training.tuning_jobs": "5", "training.tuning_parallel": "3", "tracking.mlflow_arn": MLFLOW}
    settings = validate_settings(settings_from_context(given))
    folder = tmp_path_factory.mktemp("tuned")
    app = App(context=FLAGS, outdir=str(folder), analytics_reporting=False)
    TrainingStack(app, "Training", settings=settings, storage=StorageStack(app, "Storage", settings=settings))
    app.synth()
    return templates_in(folder)


def test_make_history_finds_the_mlflow_server_among_the_outputs(tuned: dict[str, Any]) -> None:
    assert tuned["Training"]["Outputs"][MLFLOW_OUTPUT]["Value"] == MLFLOW


def test_the_settings_make_train_a_tuning(tuned: dict[str, Any]) -> None:
    (pipeline,) = [each for each in resources(tuned) if each.kind == "AWS::SageMaker::Pipeline"]
    document = json.loads(pipeline.properties["PipelineDefinition"]["PipelineDefinitionBody"])
    train = next(each for each in document["Steps"] if each["Name"] == "Train")
    assert train["Type"] == "Tuning"
    limits = train["Arguments"]["HyperParameterTuningJobConfig"]["ResourceLimits"]
    assert limits == {"MaxNumberOfTrainingJobs": 5, "MaxParallelTrainingJobs": 3}


def test_the_pipeline_may_tune_under_its_own_tag_and_nothing_else(tuned: dict[str, Any]) -> None:
    found = statements(tuned)
    actions: dict[str, list[Any]] = {}
    for each in found:
        for action in [each["Action"]] if isinstance(each["Action"], str) else each["Action"]:
            actions.setdefault(action, []).append(each["Condition"])
    new, own = ({f"aws:{whose}Tag/project": "skin-lesion"} for whose in ("Request", "Resource"))
    assert {json.dumps(each["Condition"]).count("skin-lesion") for each in found} == {1}
    assert actions[f"sagemaker:Create{JOB}"] == [{"StringEquals": new}]
    assert actions[f"sagemaker:Stop{JOB}"] == [{"StringEquals": own}]
    # Tags are given with the job as it is created, or to one that has the tag already: never to another's job.
    created = {"StringEquals": new | {"sagemaker:TaggingAction": f"Create{JOB}"}}
    assert actions["sagemaker:AddTags"] == [created, {"StringEquals": own}]


def test_what_a_tuning_does_is_allowed_and_tagging_another_s_job_is_not(tuned: dict[str, Any]) -> None:
    """By the proof of performed operations, which knows what the service sends with each request."""
    assert list(CHECKERS["performed"](tuned)) == []
    (role,) = [
        each for each in resources(tuned) if each.kind == "AWS::IAM::Role" and each.id.startswith("PipelineRole")
    ]
    own = [each.document for each in policies(tuned) if str(role.arn).rpartition("/")[2] in each.roles]
    another = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:hyper-parameter-tuning-job/another"
    tags = {"aws:RequestTag/project": "skin-lesion"}
    creating = tags | {"sagemaker:TaggingAction": f"Create{JOB}"}
    asked = [Request(str(role.arn), "sagemaker:AddTags", another, ACCOUNT, context) for context in (creating, tags)]
    assert allowed([Question(each, own, None) for each in asked]) == [True, False]


def _creating(documents: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the statements that bind tags to the request that creates a job, as they stand in the template."""
    policy = find(documents, "Training IAM::Policy PipelineRole")
    found: list[dict[str, Any]] = policy["Properties"]["PolicyDocument"]["Statement"]
    return [each for each in found if "sagemaker:TaggingAction" in json.dumps(each.get("Condition"))]


def test_tags_that_are_bound_to_another_request_are_noticed(tuned: dict[str, Any]) -> None:
    for wrong in ("CreateTrainingJob", ""):
        documents = copy.deepcopy(tuned)
        (given,) = [each["Condition"]["StringEquals"] for each in _creating(documents)]
        given["sagemaker:TaggingAction"] = wrong
        assert [each for each in CHECKERS["performed"](documents) if "sagemaker:AddTags" in each] != []


def test_a_right_to_every_tuning_job_that_asks_for_no_tag_is_a_finding(tuned: dict[str, Any]) -> None:
    """The proof lets a whole kind of resource pass for the sake of its condition alone."""
    documents = copy.deepcopy(tuned)
    assert list(CHECKERS["iam"](documents)) == []
    for action in ("Create", "Stop"):
        statement("Training IAM::Policy PipelineRole", f"sagemaker:{action}{JOB}", "Condition", GONE)(documents)
    assert len(list(CHECKERS["iam"](documents))) == 2


def test_without_a_tuning_it_may_not(documents: dict[str, Any]) -> None:
    assert statements(documents) == []


def test_the_longest_a_job_may_take_is_what_the_definition_says() -> None:
    """With and without a tuning: it is what its cost is bounded by."""
    for given in (None, wanted(TUNED)):
        text = definition_json(dataclasses.replace(OFFLINE_DEPLOYMENT, tuning=given))
        train = next(each for each in json.loads(text)["Steps"] if each["Name"] == "Train")["Arguments"]
        limit = train.get("TrainingJobDefinition", train)["StoppingCondition"]["MaxRuntimeInSeconds"]
        assert limit == ALGORITHM.maximum_hours * 3600


def test_a_tuning_costs_its_jobs_and_at_most_their_longest() -> None:
    plain, several = (
        {
            line.what.partition(":")[0]: line.dollars
            for line in cost_estimate.estimate_retraining(Settings(training=each))
        }
        for each in (TrainingSettings(), TUNED)
    )
    assert several["Train"] == pytest.approx(5 * (plain["Train"] or 0))
    hour = aws_prices.INSTANCE_HOUR[ALGORITHM.default_instance]
    assert aws_prices.maximum_tuning_cost(TUNED) == pytest.approx(5 * ALGORITHM.maximum_hours * hour)
    assert (aws_prices.maximum_tuning_cost(TUNED) or 0) > (several["Train"] or 0)


def test_two_jobs_at_once_wait_half_as_long() -> None:
    at_once, one_by_one = (
        cost_estimate.estimate_push(Settings(training=dataclasses.replace(TUNED, tuning_parallel=each)))[2].what
        for each in (5, 1)
    )
    minutes = [int(what.split()[2]) for what in (at_once, one_by_one)]
    assert minutes[1] - minutes[0] == 4 * ALGORITHM.typical_minutes


@pytest.mark.parametrize("limit", [0, 1000])
def test_a_higher_limit_or_none_lets_more_jobs_pass(limit: int) -> None:
    context = {"training.tuning_jobs": 50, "training.tuning_parallel": 10, "training.tuning_usd": limit}
    assert validate_settings(settings_from_context(context)).training.tuning_jobs == 50


def test_the_docstring_of_the_settings_says_what_a_job_costs() -> None:
    line = next(each for each in cost_estimate.estimate_retraining(Settings()) if each.what.startswith("Train"))
    assert f"${line.dollars:.2f} with these values" in " ".join((TrainingSettings.__doc__ or "").split())
