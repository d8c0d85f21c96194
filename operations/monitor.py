# SPDX-License-Identifier: MIT-0
"""Starts a run of the monitor: a processing job that compares what production was asked with its model's evaluation.

The job is given the environment and the folders that SageMaker Model Monitor gives a container of one's own. Model
Monitor itself takes no new customers since July 2026, and can hand a job neither the labels nor the baseline of what
happens to be live; so it is started here, and the model in production is looked up when it is: after a rollback it is
that of the earlier version, without anything having to be deployed.

Sources: SageMaker Developer Guide, "Container contract inputs", "Data capture" and "Amazon SageMaker Model Monitor
availability change"; SageMaker API Reference, CreateProcessingJob. A job whose input names no object fails, so what may
be missing is looked for first. The name of a job can be used once, so that one window is looked at once, however often
that is asked for; where that job has failed, the next one has a number.
"""

from collections.abc import Mapping
from typing import Any, Final

from operations import capture, champion, channel, package, window
from operations.champion import Live
from operations.client import Client
from operations.error import UsageError
from operations.watch import LABELS, Monitor
from operations.window import Window
from pipeline_src import contract

ENTRYPOINT: Final = ("python", "-m", "pipeline_src.jobs.monitor")
_TRIES: Final = 5  # at one window; what fails so often fails again
_FORMAT: Final = '{"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput", "endpointOutput"]}}'
_BASELINE: Final = {"statistics": contract.MONITOR_STATISTICS, "constraints": contract.MONITOR_CONSTRAINTS}
_CAPTURED: Final = "capture"
_REPORT: Final = "monitor"
_WITHOUT_REPORT: Final = ("Failed", "Stopped")

Json = dict[str, Any]


def start(request: Monitor, *, sagemaker: Client, s3: Client, ssm: Client) -> str:
    """Start the job, and return what happened in a sentence.

    Args:
        request: What to look at and with what.
        sagemaker: Client that describes the package and creates the job.
        s3: Client that looks for captures, labels and the baseline.
        ssm: Client that reads which package is the champion.

    Raises:
        UsageError: The package in production has no baseline, or the job has failed too often.
        ClientError: A service refused.
    """
    asked = window.asked_for(request.window, request.time)
    live = champion.live(ssm, request.champion)
    if live is None:
        return "Nothing is in production yet, so there is nothing to monitor."
    if live.since >= asked.end:
        return f"{package.named(live.package)} went into production after {window.text(asked.end)}. Nothing to monitor."
    captured = f"{request.capture}{asked.folder}"
    size = capture.size(s3, captured)
    if size is None:
        return f"{captured}: no request was captured. Nothing to monitor."
    inputs = {_CAPTURED: captured, **_baseline(sagemaker, s3, live.package)}
    if _any(s3, request.labels):
        inputs[LABELS] = request.labels
    job = _job(request, inputs, capture.volume(size))
    return _created(sagemaker, request, f"{request.name}-monitor-{asked.word}", job, _period(asked, live))


def _baseline(sagemaker: Client, s3: Client, arn: str) -> dict[str, str]:
    """Return where the baseline of a package lies, by the names of the inputs."""
    evaluation = package.described(sagemaker, arn).evaluation
    found = {name: f"{evaluation}/{file}" for name, file in _BASELINE.items()}
    missing = [uri for uri in found.values() if not _any(s3, uri)]
    if missing:
        raise UsageError(
            f"{missing[0]}: is not there, so that {package.named(arn)} has nothing to be compared with: it was trained "
            "before there was a monitor, or its run was deleted. Retrain and deliver a new version (make retrain), or "
            "set monitor.every to never."
        )
    return found


def _any(s3: Client, uri: str) -> bool:
    """Return whether an object begins with `uri`."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    return bool(s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1).get("KeyCount", 0))


def _created(sagemaker: Client, request: Monitor, name: str, job: Json, period: Mapping[str, str]) -> str:
    """Create the job under `name`, or, where the one of that name has failed, under that and the next number."""
    for number in range(1, _TRIES + 1):
        numbered = name if number == 1 else f"{name}-{number}"
        try:
            sagemaker.create_processing_job(**job, **_named(request, numbered, period))
        except sagemaker.exceptions.ResourceInUse:
            # EventBridge delivers at least once; a second job of the same name would look at the same.
            status = sagemaker.describe_processing_job(ProcessingJobName=numbered)["ProcessingJobStatus"]
            if status not in _WITHOUT_REPORT:
                return f"Processing job {numbered} is there already: {status}. Nothing was started."
        else:
            return f"Started processing job {numbered}."
    raise UsageError(
        f"processing job {name}: failed {_TRIES} times. Its log says why; mend that before the next window."
    )


def _named(request: Monitor, name: str, period: Mapping[str, str]) -> Json:
    """Return what of the job depends on its name."""
    outputs = {"Outputs": [channel.processing_output(_REPORT, f"{request.reports}{name}")], "KmsKeyId": request.key}
    return {
        "ProcessingJobName": name,
        "Environment": _environment(request, name, period),
        "ProcessingOutputConfig": outputs,
    }


def _job(request: Monitor, inputs: Mapping[str, str], volume: int) -> Json:
    cluster = {"InstanceCount": 1, "InstanceType": request.instance, "VolumeSizeInGB": volume}
    return {
        "RoleArn": request.role,
        "AppSpecification": {"ImageUri": request.image, "ContainerEntrypoint": list(ENTRYPOINT)},
        "ProcessingInputs": [channel.processing_input(each, uri) for each, uri in inputs.items()],
        "ProcessingResources": {"ClusterConfig": cluster | {"VolumeKmsKeyId": request.key}},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60 * int(request.minutes)},
        "NetworkConfig": {"EnableNetworkIsolation": True},
        "Tags": [{"Key": "project", "Value": request.name}],
    }


def _period(asked: Window, live: Live) -> dict[str, str]:
    return {"start_time": window.text(asked.since(live.since)), "end_time": window.text(asked.end)}


def _environment(request: Monitor, name: str, period: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of Model Monitor's contract, and where the labels are."""
    return {
        "dataset_format": _FORMAT,
        "dataset_source": contract.processing_input(_CAPTURED),
        "output_path": contract.processing_output(_REPORT),
        **{f"baseline_{each}": contract.processing_input(each) for each in _BASELINE},
        "labels_source": contract.processing_input(LABELS),
        **period,
        # Nobody publishes the metrics that a plain job leaves; operations.judge takes them from its report.
        "publish_cloudwatch_metrics": "Disabled",
        "sagemaker_endpoint_name": request.endpoint,
        "sagemaker_monitoring_schedule_name": name,
    }
