# SPDX-License-Identifier: MIT-0
"""A Tuning step: its jobs, and the model of the best one."""

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from local.engine import definition_validation
from local.engine.pipeline_engine import ExecutionOutcome
from local.errors import DefinitionError
from local.runners.job_runner import Job
from tests.local.fake import definition, engine, run
from tests.local.tuning import BATCH, BEST, RATE, Trainer, model, tuning


@pytest.fixture(autouse=True)
def channel(home: Path) -> None:
    path = home / "s3/raw/train/train.rec"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"records")


def entry(ending: ExecutionOutcome, step: str = "Train") -> Any:
    return ending.record.step(step)


def properties(ending: ExecutionOutcome) -> Any:
    return entry(ending)["Properties"]


def test_each_job_is_told_what_is_fixed_and_what_is_drawn_for_it(home: Path) -> None:
    runner = Trainer()
    ending = run(definition(tuning(3)), home, runner)
    assert runner.ran == ["Train-001", "Train-002", "Train-003"]
    assert {told["epochs"] for told in runner.told.values()} == {"3"}
    drawn = {
        each["TrainingJobName"]: each["TunedHyperParameters"] for each in properties(ending)["TrainingJobSummaries"]
    }
    names = [f"pipelines-{ending.record.execution_id}-{step}" for step in runner.ran]
    assert [drawn[name] | {"epochs": "3"} for name in names] == [runner.told[number] for number in (1, 2, 3)]
    assert len({told["learning_rate"] for told in runner.told.values()}) == 3


def test_each_job_has_folders_of_its_own(home: Path) -> None:
    ending = run(definition(tuning(2)), home, Trainer())
    for number in ("001", "002"):
        root = ending.record.path.parent / "Train" / number / "opt/ml"
        assert (root / "input/data/train/train.rec").read_bytes() == b"records"


def test_the_model_that_comes_next_is_the_best_job_s(home: Path) -> None:
    """By the value that was reported last, as the service does, not by the highest."""
    ending = run(definition(tuning(3), model()), home, Trainer({1: [0.4, 0.9, 0.5], 2: [0.6, 0.7], 3: [0.6]}))
    assert ending.exit_code == 0, ending.reason
    found = properties(ending)
    assert [each["TrainingJobName"][-3:] for each in found["TrainingJobSummaries"]] == ["002", "003", "001"]
    assert found["BestTrainingJob"] == found["TrainingJobSummaries"][0]
    metric = found["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]
    assert metric == {"Type": "Maximize", "MetricName": "validation:accuracy", "Value": 0.7}
    execution = ending.record.execution_id
    uri = f"s3://runs/{execution}/train/pipelines-{execution}-Train-002/output/model.tar.gz"
    assert entry(ending, "Model")["Properties"]["PrimaryContainer"]["ModelDataUrl"] == uri
    assert Path(entry(ending)["Outputs"]["model"]).is_file()


def test_of_equal_jobs_the_first_is_the_best(home: Path) -> None:
    ending = run(definition(tuning(3)), home, Trainer({1: [0.4]}))
    assert properties(ending)["BestTrainingJob"]["TrainingJobName"].endswith("002")


def test_the_least_is_the_best_where_that_is_asked_for(home: Path) -> None:
    objective = {"Type": "Minimize", "MetricName": "validation:accuracy"}
    document = definition(tuning(3, HyperParameterTuningJobObjective=objective))
    ending = run(document, home, Trainer({1: [0.5], 2: [0.4], 3: "it failed."}))
    assert [each["TrainingJobName"][-3:] for each in properties(ending)["TrainingJobSummaries"]] == [
        "002",
        "001",
        "003",
    ]


def test_a_job_that_fails_does_not_end_the_others(home: Path) -> None:
    ending = run(definition(tuning(3), model()), home, Trainer({1: "learning_rate: the loss is infinite.", 2: []}))
    assert ending.exit_code == 0, ending.reason
    found = properties(ending)
    assert found["BestTrainingJob"]["TrainingJobName"].endswith("003")
    assert (
        found["TrainingJobStatusCounters"]["Completed"],
        found["TrainingJobStatusCounters"]["NonRetryableError"],
    ) == (
        2,
        1,
    )
    assert found["ObjectiveStatusCounters"] == {"Succeeded": 1, "Pending": 0, "Failed": 2}
    assert "loss is infinite" in json.dumps(found["TrainingJobSummaries"])


def test_where_all_jobs_fail_the_step_fails_and_says_why_for_each(home: Path) -> None:
    ending = run(definition(tuning(3)), home, Trainer({1: "too fast.", 2: "too slow.", 3: [float("nan")]}))
    assert (ending.step, ending.exit_code) == ("Train", 1)
    for part in (
        "all 3 jobs",
        "Train-001: too fast.",
        "Train-002: too slow.",
        "Train-003: no objective in its log",
    ):
        assert part in str(ending.reason)


def test_as_many_jobs_run_at_once_as_asked_for_and_as_there_are_cores(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: range(2), raising=False)
    together = threading.Barrier(2, timeout=10)
    threads = set()

    def meanwhile(job: Job) -> None:
        threads.add(threading.current_thread().name)
        together.wait()
        assert job.environment == {"OMP_NUM_THREADS": "1"}

    ending = run(definition(tuning(4, parallel=4)), home, Trainer(meanwhile=meanwhile))
    assert ending.exit_code == 0, ending.reason
    assert threads == {"Train_0", "Train_1"}


def test_a_stopped_tuning_starts_no_further_job(home: Path) -> None:
    runner = Trainer()
    going = engine(definition(tuning(3)), home, runner)
    runner.meanwhile = lambda _job: going.stop()
    ending = going.run()
    assert (ending.record.status, runner.ran) == ("Stopped", ["Train-001"])


def test_a_tuning_is_reused_with_its_best_model_until_a_range_changes(home: Path) -> None:
    """The URI of the best model then names the execution that trained it."""
    first = run(definition(tuning(2, cached=True), model()), home, Trainer({2: [0.9]}))
    runner = Trainer()
    again = run(definition(tuning(2, cached=True), model()), home, runner)
    assert (again.exit_code, runner.ran) == (0, [])
    uris = [entry(each, "Model")["Properties"]["PrimaryContainer"]["ModelDataUrl"] for each in (first, again)]
    assert uris[0] == uris[1]
    wider = {"ContinuousParameterRanges": [RATE | {"MaxValue": "0.2"}], "IntegerParameterRanges": [BATCH]}
    run(definition(tuning(2, cached=True, ParameterRanges=wider)), home, runner)
    assert len(runner.ran) == 2
    fewer = tuning(3, cached=True)
    run(definition(fewer), home, runner)
    assert len(runner.ran) == 5


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"Strategy": "Bayesian"}, "supports only random search"),
        ({"TrainingJobEarlyStoppingType": "Auto"}, "has no early stopping"),
        ({"ParameterRanges": {"IntegerParameterRanges": [BATCH | {"ScalingType": "Auto"}]}}, "how the service chooses"),
        ({"HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "loss"}}, "validation:accuracy"),
        ({"TuningJobCompletionCriteria": {}}, "TuningJobCompletionCriteria: not supported"),
    ],
)
def test_what_it_does_not_do_is_refused_by_name(config: dict[str, Any], said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        definition_validation.parse_definition(definition(tuning(**config)))


def test_a_property_that_the_tuning_does_not_have_is_refused() -> None:
    step = model()
    text = json.dumps(step).replace("BestTrainingJob.TrainingJobName", "BestTrainingJob.TunedHyperParameters['gamma']")
    with pytest.raises(DefinitionError, match="no 'gamma'"):
        definition_validation.parse_definition(definition(tuning(), json.loads(text)))
    assert definition_validation.parse_definition(definition(tuning(), model())).steps["Model"].needs == {"Train"}
    assert "TrainingJobName" in json.dumps(BEST)
