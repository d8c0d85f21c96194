# SPDX-License-Identifier: MIT-0
"""A small tuning in the shape that the SageMaker SDK emits, and a runner whose jobs report what they are told to."""

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from local.runners.job_runner import Job, JobOutcome
from tests.local.fake import ALGORITHM, RUNS, FakeRunner, write_outputs

RATE = {"Name": "learning_rate", "MinValue": "0.001", "MaxValue": "0.1", "ScalingType": "Logarithmic"}
BATCH = {"Name": "mini_batch_size", "MinValue": "16", "MaxValue": "64", "ScalingType": "Linear"}
# The best job's model, as the project's definition names it.
BEST = {
    "Std:Join": {
        "On": "/",
        "Values": [
            {"Get": "Steps.Train.TrainingJobDefinition.OutputDataConfig.S3OutputPath"},
            {"Get": "Steps.Train.BestTrainingJob.TrainingJobName"},
            "output",
            "model.tar.gz",
        ],
    }
}


def tuning(jobs: int = 3, parallel: int = 1, *, cached: bool = False, **config: Any) -> dict[str, Any]:
    """Return a Tuning step; `config` replaces parts of its HyperParameterTuningJobConfig."""
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://raw/train"}}
    whole = {
        "Strategy": "Random",
        "RandomSeed": 7,
        "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:accuracy"},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": jobs, "MaxParallelTrainingJobs": parallel},
        "ParameterRanges": {"IntegerParameterRanges": [BATCH], "ContinuousParameterRanges": [RATE]},
        "TrainingJobEarlyStoppingType": "Off",
    }
    job = {
        "AlgorithmSpecification": {"TrainingImage": ALGORITHM, "TrainingInputMode": "File"},
        "StaticHyperParameters": {"epochs": "3"},
        "InputDataConfig": [{"ChannelName": "train", "DataSource": source, "ContentType": "application/x-recordio"}],
        "OutputDataConfig": {"S3OutputPath": {"Std:Join": {"On": "/", "Values": [RUNS, "train"]}}},
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.g4dn.xlarge"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    arguments = {"HyperParameterTuningJobConfig": whole | config, "TrainingJobDefinition": job}
    cache = {"CacheConfig": {"Enabled": True, "ExpireAfter": "P30D"}} if cached else {}
    return {"Name": "Train", "Type": "Tuning", "Arguments": arguments, **cache}


def model() -> dict[str, Any]:
    """Return a step that needs the best model to be there."""
    container = {"Image": ALGORITHM, "ModelDataUrl": BEST}
    return {"Name": "Model", "Type": "Model", "Arguments": {"PrimaryContainer": container}}


class Trainer(FakeRunner):
    """Writes into each job's log what `reports` has for it: an accuracy after each epoch; a text is why it fails.

    Args:
        reports: By the number of the job; a job that it does not name reports 0.5.
        meanwhile: Called while a job runs.
    """

    def __init__(
        self, reports: Mapping[int, Any] | None = None, *, meanwhile: Callable[[Job], None] = lambda _job: None
    ) -> None:
        super().__init__()
        self.reports = dict(reports or {})
        self.meanwhile = meanwhile
        self.told: dict[int, dict[str, str]] = {}

    def run(self, job: Job, *, stop: threading.Event, line: Callable[[str], None]) -> JobOutcome:
        number = int(job.step.rpartition("-")[2])
        self.ran.append(job.step)
        self.told[number] = json.loads((job.root / "input/config/hyperparameters.json").read_text())
        self.meanwhile(job)
        report = self.reports.get(number, [0.5])
        if isinstance(report, str):
            (job.root / "output/failure").write_text(report)
            return JobOutcome(2)
        for epoch, accuracy in enumerate(report):
            line(f"progress: {epoch + 1}/{len(report)} images")
            line(f"Epoch[{epoch}] Validation-accuracy={accuracy:.6f}")
        write_outputs(job)
        return JobOutcome(0, stopped=stop.is_set())
