# SPDX-License-Identifier: MIT-0
"""A runner without processes, and builders of small definitions in the form that the SageMaker SDK emits."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.aws.s3_store import LocalHome
from local.console.step_progress import ProgressReporter
from local.engine import definition_validation, pipeline_definition
from local.engine.pipeline_engine import ExecutionOutcome, ExecutionPlan, PipelineEngine
from local.runners.job_runner import Job, JobOutcome

IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/local-preprocessing:latest"
ALGORITHM = "000000000000.dkr.ecr.us-east-1.amazonaws.com/image-classification:1"
RUNS = {"Std:Join": {"On": "/", "Values": ["s3://runs", {"Get": "Execution.PipelineExecutionId"}]}}

Action = Callable[[Job], int | None]


def write_outputs(job: Job) -> None:
    """Write one file to each output, and a model for a training job."""
    for folder in (job.root / "processing/output").glob("*"):
        (folder / "file.txt").write_text(folder.name)
    if (job.root / "model").is_dir():
        (job.root / "model/weights.bin").write_bytes(b"weights")


class FakeRunner:
    """Calls a function where another runner would start a container; `ran` has the steps in order."""

    name = "fake"
    notice = None

    def __init__(self, actions: Mapping[str, Action] | None = None, *, code: str = "1") -> None:
        self.actions = dict(actions or {})
        self.code = code
        self.ran: list[str] = []
        self.served: list[Job] = []
        self.processes: list[subprocess.Popen[bytes]] = []
        self.stop: threading.Event | None = None

    def check(self, images: Iterable[str] = ()) -> None:
        """Work everywhere."""

    def fingerprint(self, image: str) -> str:
        return f"{image}:{self.code}"

    def run(self, job: Job, *, stop: threading.Event, line: Callable[[str], None]) -> JobOutcome:
        self.ran.append(job.step)
        self.stop = stop
        line("progress: 1/2 things")
        code = self.actions.get(job.step, write_outputs)(job)
        return JobOutcome(code or 0, stopped=stop.is_set())

    @contextmanager
    def serve(self, job: Job, *, host: str, port: int) -> "Iterator[subprocess.Popen[bytes]]":
        self.served.append(job)
        job.logs.mkdir(parents=True, exist_ok=True)
        (job.logs / "stderr.log").write_text("the server's last words")
        command = [sys.executable, "-S", str(Path(__file__).with_name("fake_server.py")), host, str(port)]
        with (job.logs / "stdout.log").open("wb") as log, subprocess.Popen(command, stdout=log) as process:
            self.processes.append(process)
            try:
                yield process
            finally:
                process.kill()


def processing(  # noqa: PLR0913  one parameter for each part of a step
    name: str,
    *,
    inputs: Mapping[str, Any] | None = None,
    outputs: Sequence[str] = ("out",),
    arguments: Sequence[Any] = (),
    cached: bool = False,
    files: Mapping[str, tuple[str, str]] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Return a Processing step; `files` are its property files: name -> (output, path)."""
    step: dict[str, Any] = {
        "Name": name,
        "Type": "Processing",
        "Arguments": {
            "AppSpecification": {
                "ImageUri": IMAGE,
                "ContainerEntrypoint": ["python", "-m", "job"],
                "ContainerArguments": list(arguments),
            },
            "ProcessingInputs": [_input(channel, uri) for channel, uri in (inputs or {}).items()],
            "ProcessingOutputConfig": {"Outputs": [_output(name, output) for output in outputs]},
            "ProcessingResources": {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large"}},
            "RoleArn": "arn:aws:iam::000000000000:role/local-job",
        },
    }
    if cached:
        step["CacheConfig"] = {"Enabled": True, "ExpireAfter": "P30D"}
    if files:
        names = ("PropertyFileName", "OutputName", "FilePath")
        step["PropertyFiles"] = [dict(zip(names, (key, *value), strict=True)) for key, value in files.items()]
    return step | more


def _input(channel: str, uri: Any) -> dict[str, Any]:
    source = {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/input/{channel}", "S3DataType": "S3Prefix"}
    return {"InputName": channel, "S3Input": source}


def _output(step: str, output: str) -> dict[str, Any]:
    uri = {"Std:Join": {"On": "/", "Values": [RUNS, step.lower(), output]}}
    target = {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/output/{output}", "S3UploadMode": "EndOfJob"}
    return {"OutputName": output, "S3Output": target}


def uri_of(step: str, output: str = "out") -> dict[str, str]:
    """Return the Get of where `step` leaves `output`."""
    return {"Get": f"Steps.{step}.ProcessingOutputConfig.Outputs['{output}'].S3Output.S3Uri"}


def json_get(step: str, name: str, path: str) -> dict[str, Any]:
    """Return the Std:JsonGet of a property file's value."""
    return {"Std:JsonGet": {"PropertyFile": {"Get": f"Steps.{step}.PropertyFiles.{name}"}, "Path": path}}


def gate(name: str, conditions: list[Any], then: list[Any], otherwise: list[Any]) -> dict[str, Any]:
    """Return a Condition step."""
    arguments = {"Conditions": conditions, "IfSteps": then, "ElseSteps": otherwise}
    return {"Name": name, "Type": "Condition", "Arguments": arguments}


def equals(left: Any, right: Any) -> dict[str, Any]:
    """Return the condition Equals."""
    return {"Type": "Equals", "LeftValue": left, "RightValue": right}


def fail(name: str, message: Any) -> dict[str, Any]:
    """Return a Fail step."""
    return {"Name": name, "Type": "Fail", "Arguments": {"ErrorMessage": message}}


def definition(*steps: Any, parameters: Sequence[Any] = ()) -> dict[str, Any]:
    """Return a definition."""
    return {"Version": "2020-12-01", "Metadata": {}, "Parameters": list(parameters), "Steps": list(steps)}


def engine(
    document: Any,
    home: Path,
    runner: FakeRunner,
    *,
    given: Mapping[str, Any] | None = None,
    reporter: ProgressReporter | None = None,
    **plan: Any,
) -> PipelineEngine:
    """Return an engine for the definition `document`."""
    parsed = definition_validation.parse_definition(document)
    values = pipeline_definition.resolve_parameters(parsed.parameters, given or {})
    shown = reporter or ProgressReporter()
    return PipelineEngine(ExecutionPlan(parsed, values, "test", **plan), LocalHome(home), runner, shown)


def run(document: Any, home: Path, runner: FakeRunner, **plan: Any) -> ExecutionOutcome:
    """Run the definition `document` to its end."""
    return engine(document, home, runner, **plan).run()
