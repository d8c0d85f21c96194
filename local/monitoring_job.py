# SPDX-License-Identifier: MIT-0
"""What a monitoring job is asked: the arguments of CreateProcessingJob, as a monitoring schedule fills them in.

Source of the variables: SageMaker Developer Guide, "Support for your own containers with Model Monitor". The folders
are those that the job takes when nobody names others.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from local import capture
from local.advice import program
from local.document import Json, Object
from local.error import UsageError
from pipeline_src import contract
from pipeline_src.pipeline import OFFLINE

RESULT: Final = "result"
TIME: Final = "%Y-%m-%dT%H:%M:%SZ"
HOUR: Final = "%Y/%m/%d/%H"
_CAPTURE: Final = "capture"
_BASELINE: Final = "baseline"
_LABELS: Final = "labels"
_OUTPUT: Final = "monitor"
_LIMIT: Final = 3600  # seconds
_FORMAT: Final = '{"sagemakerCaptureJson":{"captureIndexNames":["endpointInput","endpointOutput"]}}'


@dataclass(frozen=True)
class Task:
    """What is monitored.

    Attributes:
        endpoint: whose captured requests.
        hours: of which hours, as ``yyyy/mm/dd/hh``, at least one.
        since: from when on, UTC; None for the whole of the first hour.
        until: until when, UTC.
        package: the model package that the endpoint serves; it names the baseline.
        labels: URI of tables of confirmed classes, empty for none.
        target: URI below which the result goes.
    """

    endpoint: str
    hours: Sequence[str]
    since: datetime | None
    until: datetime
    package: Object
    labels: str
    target: str


def arguments(task: Task) -> Object:
    """Return the arguments of CreateProcessingJob.

    Raises:
        UsageError: the model package names no baseline.
    """
    output = {"S3Uri": f"{task.target}/{RESULT}", "LocalPath": contract.processing_output(_OUTPUT)}
    return {
        "AppSpecification": {
            "ImageUri": OFFLINE.preprocessing_image,
            "ContainerEntrypoint": ["python", "-m", "pipeline_src.jobs.monitor"],
        },
        "ProcessingInputs": list(_inputs(task)),
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": RESULT, "S3Output": output}]},
        "Environment": _environment(task),
        "StoppingCondition": {"MaxRuntimeInSeconds": _LIMIT},
    }


def _inputs(task: Task) -> Iterator[Object]:
    for number, hour in enumerate(task.hours, 1):
        place = f"{_CAPTURE}/{task.endpoint}/{capture.VARIANT}/{hour}"
        yield _input(f"{_CAPTURE}_{number}", f"{capture.prefix(task.endpoint)}/{hour}", place)
    for kind in ("Statistics", "Constraints"):
        yield _input(kind.lower(), _baseline(task.package, kind), _BASELINE)
    if task.labels:
        yield _input(_LABELS, task.labels, _LABELS)


def _input(name: str, uri: str, place: str) -> Object:
    source = {"S3Uri": uri, "LocalPath": contract.processing_input(place), "S3DataType": "S3Prefix"}
    return {"InputName": name, "S3Input": source | {"S3InputMode": "File"}}


def _baseline(package: Object, kind: str) -> str:
    """Return the URI of the baseline's statistics or constraints."""
    found: Json = package.get("DriftCheckBaselines", {}).get("ModelDataQuality", {}).get(kind, {}).get("S3Uri")
    if not isinstance(found, str):
        arn, demo = package["ModelPackageArn"], f"{program()} demo"
        raise UsageError(f"model package {arn}: it has no baseline. Register a model anew, for example: {demo}")
    return found


def _environment(task: Task) -> dict[str, str]:
    baseline = contract.processing_input(_BASELINE)
    files = {kind: _baseline(task.package, kind).rpartition("/")[2] for kind in ("Statistics", "Constraints")}
    first = datetime.strptime(task.hours[0], HOUR).replace(tzinfo=UTC)
    return {
        "dataset_format": _FORMAT,
        "dataset_source": contract.processing_input(_CAPTURE),
        "output_path": contract.processing_output(_OUTPUT),
        **{f"baseline_{kind.lower()}": f"{baseline}/{name}" for kind, name in files.items()},
        "start_time": f"{task.since or first:{TIME}}",
        "end_time": f"{_up(task.until):{TIME}}",
        **({"labels_source": contract.processing_input(_LABELS)} if task.labels else {}),
        "publish_cloudwatch_metrics": "Enabled",
        "sagemaker_endpoint_name": task.endpoint,
        "sagemaker_monitoring_schedule_name": f"{task.endpoint}-by-hand",
    }


def _up(time: datetime) -> datetime:
    """Return the end of the second of `time`, so that what is captured in it counts."""
    return datetime.fromtimestamp(math.floor(time.timestamp()) + 1, UTC)
