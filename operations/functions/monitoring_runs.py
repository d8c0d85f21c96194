# SPDX-License-Identifier: MIT-0
"""Starts a monitoring run, and publishes its result.

A run is a processing job that compares the requests to production with the evaluation of its model. Its period is the
last whole day or hour in UTC, which is one folder of SageMaker's data capture, ``yyyy/mm/dd/hh``: the job downloads
only these requests, and no request is examined twice. New labels start a run over all captured requests.

The job gets the environment and the folders of a custom container for SageMaker Model Monitor. Model Monitor itself
takes no new customers since July 2026, and can pass a job neither the labels nor the baseline of the package that
happens to be live. The job is therefore started here, with the package that is live at that time: after a rollback that
of the earlier version. A job fails if the URI of an input has no object, so optional inputs are looked for first. The
name of a job can be used once, so a period is examined once; after a failed job the next one has a number.

The measured images of each window are kept for later runs with the same package, which compare a small window together
with them and find changes that last. An accepted baseline (operations/commands/monitor_baseline.py) replaces the
test images.

The job has no network. It writes `monitor.json` (`pipeline_src/drift/monitor_results.py`): message, violations, checks
with their effects, and metrics from labels. From it come the metrics for dashboard and alarm, a message, and perhaps a
retraining. A run that new labels have started publishes the metrics from labels alone: the daily runs have published
drift. If there were too few images to compare, that is published instead of a number of violations: 0 would mean that
all is well.

Sources: SageMaker Developer Guide, "Container contract inputs", "Data capture" and "Amazon SageMaker Model Monitor
availability change"; SageMaker API Reference, CreateProcessingJob.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from operations.functions import aws_clients, job_inputs, model_delivery, model_package
from operations.functions.aws_clients import Client, split_s3_uri
from operations.functions.errors import OperationError, UsageError
from operations.functions.function_payloads import DAY_WINDOW, HOUR_WINDOW, LABELS, JudgeRequest, MonitorRequest
from operations.functions.job_inputs import ProcessingJob
from pipeline_src import contract

MONITOR_ENTRYPOINT: Final = ("python", "-m", "pipeline_src.jobs.monitor")
_JOB_TRIES: Final = 5  # for one period
_DATASET_FORMAT: Final = '{"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput", "endpointOutput"]}}'
_BASELINE_FILES: Final = {
    "statistics": contract.MONITOR_STATISTICS_FILE,
    "constraints": contract.MONITOR_CONSTRAINTS_FILE,
}
_CAPTURE_INPUT: Final = "capture"
_HISTORY: Final = "history"  # input: measured images of earlier windows; output: those of this one
_ACCEPTED_INPUT: Final = "accepted"
_REPORT_OUTPUT: Final = "monitor"
_STATUSES_WITHOUT_REPORT: Final = ("Failed", "Stopped")
MONITOR_RESULT_FILE: Final = "monitor.json"
MONITOR_PAGE_FILE: Final = "monitor.html"
REQUESTS_METRIC: Final = "MonitoredRequests"
VIOLATIONS_METRIC: Final = "Violations"
COMPARED_METRIC: Final = "Compared"  # 1, or 0 if there were too few images
DRIFT_METRIC: Final = "Drift"
# Metrics from labels, by their names in the report.
LABEL_METRICS: Final = {"balanced_accuracy": "BalancedAccuracy", "melanoma_sensitivity": "MelanomaSensitivity"}
RESULT_STATUS_COMPARED: Final = "compared"
_ENDPOINT_DIMENSION: Final = "production"
_MESSAGE_SUBJECTS: Final = {
    False: "Production differs from the test data of its model",
    True: "Metrics of production from new labels",
}
_DRIFT_ADVICE: Final = """\
What to do: docs/alarms.md#drift. In short: read the report; check whether a camera, a source of images or the mix
of patients has changed; label some of the images (make labels FILE=...) before trusting or retraining a model. If the
images are as they should be, accept them as the baseline (make accept-baseline REASON=...).
"""
_LABELS_ADVICE: Final = "What to do: docs/monitor.md#labels\n"
MonitorResult = Mapping[str, Any]


@dataclass(frozen=True)
class MonitoringWindow:
    """The period of a monitoring run.

    Attributes:
        word: Its part of the job's name.
        folder: Its folder below that of all captures; empty for all.
        start: Begin, inclusive; None for no limit.
        end: End, exclusive.
    """

    word: str
    folder: str
    start: datetime | None
    end: datetime

    def since(self, earliest: datetime) -> datetime:
        """Return the begin of the period, but not before `earliest`."""
        return earliest if self.start is None else max(self.start, earliest)


def monitoring_window(kind: str, time: str) -> MonitoringWindow:
    """Return the window of a kind (one of `MONITORING_WINDOWS`) for a run at `time`.

    Raises:
        UsageError: `time` is not a time with a zone.
    """
    now = _parse_time(time)
    if kind == DAY_WINDOW:
        end = now.replace(hour=0, minute=0, second=0, microsecond=0)
        start = end - timedelta(days=1)
        return MonitoringWindow(f"{start:%Y%m%d}", f"{start:%Y/%m/%d}/", start, end)
    if kind == HOUR_WINDOW:
        end = now.replace(minute=0, second=0, microsecond=0)
        start = end - timedelta(hours=1)
        return MonitoringWindow(f"{start:%Y%m%dT%H}", f"{start:%Y/%m/%d/%H}/", start, end)
    # The word has the second of the upload: two uploads in one second start one run, which reads both.
    return MonitoringWindow(f"{kind}-{now:%Y%m%dT%H%M%S}", "", None, now)


def format_utc_time(time: datetime) -> str:
    """Return the time in the format of Model Monitor."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _parse_time(given: str) -> datetime:
    try:
        found = datetime.fromisoformat(given)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise UsageError(f"time {given!r}: is not a time with a zone, such as 2026-11-25T01:00:00Z.")
    return found.astimezone(UTC)


def start_monitoring_run(request: MonitorRequest, *, sagemaker: Client, s3: Client, ssm: Client) -> str:
    """Start the job, and return a message.

    Args:
        request: The period and the resources of the job.
        sagemaker: Client that describes the package and creates the job.
        s3: Client that lists captures, labels and the baseline.
        ssm: Client that reads which package is the champion.

    Raises:
        UsageError: The package in production has no baseline, or the job has failed too often.
        ClientError: A service refused.
    """
    asked = monitoring_window(request.window, request.time)
    live = model_delivery.find_champion(ssm, request.champion)
    if live is None:
        return "Nothing is in production yet, so there is nothing to monitor."
    if live.since >= asked.end:
        return (
            f"{model_package.package_title(live.package)} went into production after "
            f"{format_utc_time(asked.end)}. Nothing to monitor."
        )
    captured = f"{request.capture}{asked.folder}"
    size = job_inputs.total_object_bytes(s3, captured)
    if size is None:
        return f"{captured}: no captured requests. Nothing to monitor."
    history = monitor_state_uri(request.reports, contract.MONITOR_HISTORY_PREFIX, live.package)
    optional = {
        LABELS: request.labels,
        _HISTORY: history,
        _ACCEPTED_INPUT: monitor_state_uri(request.reports, contract.MONITOR_BASELINES_PREFIX, live.package),
    }
    inputs = {
        _CAPTURE_INPUT: captured,
        **_baseline_uris(sagemaker, s3, live.package),
        **{name: uri for name, uri in optional.items() if _has_objects(s3, uri)},
    }
    job = ProcessingJob(
        entrypoint=MONITOR_ENTRYPOINT,
        inputs=inputs,
        # All captures, for labels, are no window of their own: what they would leave would hide the days'.
        outputs={} if asked.start is None else {_HISTORY: history},
        volume_gb=job_inputs.job_volume_gb(size),
        seconds=60 * int(request.minutes),
    )
    period = {"start_time": format_utc_time(asked.since(live.since)), "end_time": format_utc_time(asked.end)}
    return _create_job(sagemaker, request, f"{request.name}-monitor-{asked.word}", job, period)


def monitor_state_uri(reports: str, prefix: str, package: str) -> str:
    """Return the URI of the monitor's files for one model package, below `prefix` of the bucket of the reports."""
    return f"s3://{split_s3_uri(reports)[0]}/{prefix}{package.rpartition('/')[2]}/"


def _baseline_uris(sagemaker: Client, s3: Client, arn: str) -> dict[str, str]:
    """Return the URIs of a package's baseline by the names of the inputs."""
    evaluation = model_package.describe_model_package(sagemaker, arn).evaluation
    found = {name: f"{evaluation}/{file}" for name, file in _BASELINE_FILES.items()}
    missing = [uri for uri in found.values() if not _has_objects(s3, uri)]
    if missing:
        raise UsageError(
            f"{missing[0]}: is not there, so that {model_package.package_title(arn)} has nothing to "
            "be compared with: it was trained "
            "before there was a monitor, or its run was deleted. Retrain and deliver a new version (make retrain), or "
            "set monitor.every to never."
        )
    return found


def _has_objects(s3: Client, uri: str) -> bool:
    """Return whether there is an object whose URI begins with `uri`."""
    bucket, prefix = split_s3_uri(uri)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, MaxKeys=1)
    return any(page.get("KeyCount", 0) for page in pages)


def _create_job(
    sagemaker: Client, request: MonitorRequest, name: str, job: ProcessingJob, period: Mapping[str, str]
) -> str:
    """Create the job `name`; if that has failed, the one with the next number."""
    for number in range(1, _JOB_TRIES + 1):
        numbered = name if number == 1 else f"{name}-{number}"
        try:
            own = replace(job, outputs={_REPORT_OUTPUT: f"{request.reports}{numbered}", **job.outputs})
            sagemaker.create_processing_job(
                **request.job_request(numbered, request.name, own),
                Environment=_environment_variables(request, numbered, period, keeps=_HISTORY in job.outputs),
            )
        except sagemaker.exceptions.ResourceInUse:
            # EventBridge delivers at least once; a second job of this name would examine the same period.
            status = sagemaker.describe_processing_job(ProcessingJobName=numbered)["ProcessingJobStatus"]
            if status not in _STATUSES_WITHOUT_REPORT:
                return f"Processing job {numbered} exists already: {status}. Nothing was started."
        else:
            return f"Started processing job {numbered}."
    raise UsageError(
        f"processing job {name}: failed {_JOB_TRIES} times. Fix the cause, which is in its log, before the next run."
    )


def _environment_variables(
    request: MonitorRequest, name: str, period: Mapping[str, str], *, keeps: bool
) -> dict[str, str]:
    """Return the variables of Model Monitor's contract, and the folders of labels and of measured images."""
    return {
        "dataset_format": _DATASET_FORMAT,
        "dataset_source": contract.processing_input_path(_CAPTURE_INPUT),
        "output_path": contract.processing_output_path(_REPORT_OUTPUT),
        **{f"baseline_{each}": contract.processing_input_path(each) for each in _BASELINE_FILES},
        "labels_source": contract.processing_input_path(LABELS),
        **({"history_output": contract.processing_output_path(_HISTORY)} if keeps else {}),
        **period,
        # SageMaker does not publish the metrics of a plain job; `publish_monitor_result` does.
        "publish_cloudwatch_metrics": "Disabled",
        "sagemaker_endpoint_name": request.endpoint,
        "sagemaker_monitoring_schedule_name": name,
    }


def publish_monitor_result(
    request: JudgeRequest, *, s3: Client, cloudwatch: Client, sns: Client, stepfunctions: Client
) -> str:
    """Publish the metrics, notify the topic of violations, and return a message.

    Args:
        request: The run and the topic.
        s3: Client that reads its report.
        cloudwatch: Client that publishes the metrics.
        sns: Client that notifies the topic.
        stepfunctions: Client that starts a retraining, if the request names a state machine.

    Raises:
        OperationError: The report does not exist, or is invalid.
        ClientError: A service refused.
    """
    report = _read_monitor_result(s3, request)
    by_labels = f"-monitor-{LABELS}-" in request.job
    data = list(_label_data(report) if by_labels else _drift_data(report))
    if data:
        cloudwatch.put_metric_data(Namespace=request.namespace, MetricData=data)
    if by_labels or report["violations"]:
        sns.publish(
            TopicArn=request.topic,
            Subject=_MESSAGE_SUBJECTS[by_labels],
            Message=_notification_text(request, report, by_labels),
        )
    started = (
        _start_state_machine(stepfunctions, request)
        if report["violations"] and request.machine and not by_labels
        else ""
    )
    return f"{request.job}: {report['message']}{started}"


def _read_monitor_result(s3: Client, request: JudgeRequest) -> MonitorResult:
    bucket, folder = split_s3_uri(request.reports)
    key = f"{folder}{request.job}/{MONITOR_RESULT_FILE}"
    place = f"s3://{bucket}/{key}"
    try:
        content = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except s3.exceptions.NoSuchKey:
        raise OperationError(f"{place}: does not exist. See the log of the job {request.job}.") from None
    except ValueError as error:
        raise OperationError(f"{place}: is not JSON: {error}. See the log of the job {request.job}.") from None
    wanted = ("status", "message", "violations", "requests", "checks", "truth")
    missing = [name for name in wanted if not isinstance(content, dict) or name not in content]
    if missing:
        raise OperationError(f"{place}: has no {missing[0]!r}. Was it written by another version? Deploy again.")
    found: MonitorResult = content
    return found


def _drift_data(report: MonitorResult) -> Iterator[dict[str, Any]]:
    yield _metric_datum(REQUESTS_METRIC, report["requests"], "Count")
    compared = report["status"] == RESULT_STATUS_COMPARED
    yield _metric_datum(COMPARED_METRIC, compared, "Count")
    # Captured requests that cannot be read are a violation however few images there are.
    if compared or report["violations"]:
        yield _metric_datum(VIOLATIONS_METRIC, len(report["violations"]), "Count")
    for check in report["checks"]:
        yield _metric_datum(DRIFT_METRIC, check["effect"], "None", Feature=check["name"])


def _label_data(report: MonitorResult) -> Iterator[dict[str, Any]]:
    for name, metric in LABEL_METRICS.items():
        value = (report["truth"] or {}).get(name, {}).get("value")
        # Without a value nothing is published: 0 would be read as one.
        if value is not None:
            yield _metric_datum(metric, value, "None")


def _metric_datum(name: str, value: float, unit: str, **dimensions: str) -> dict[str, Any]:
    named = [{"Name": key, "Value": each} for key, each in ({"Endpoint": _ENDPOINT_DIMENSION} | dimensions).items()]
    return {"MetricName": name, "Dimensions": named, "Value": float(value), "Unit": unit}


def _notification_text(request: JudgeRequest, report: MonitorResult, by_labels: bool) -> str:  # noqa: FBT001  two kinds of run, no option
    page = aws_clients.s3_object_console_url(f"{request.reports}{request.job}/{MONITOR_PAGE_FILE}", request.topic)
    said = "\n".join(_label_sentences(report["truth"])) if by_labels else report["message"]
    return f"{said}\n\nReport: {page}\n\n{_LABELS_ADVICE if by_labels else _DRIFT_ADVICE}"


def _label_sentences(truth: MonitorResult | None) -> Iterator[str]:
    for name in LABEL_METRICS:
        figure = (truth or {}).get(name) or {}
        words, value = name.replace("_", " "), figure.get("value")
        if value is None:
            yield f"{words}: {(truth or {}).get('reasons', {}).get(name, 'no label matches a captured request')}"
        else:
            interval = f"95 % interval {figure['lower']:.3f} to {figure['upper']:.3f}"
            yield f"{words}: {value:.3f} ({interval}, {figure['images']} images)"


def _start_state_machine(stepfunctions: Client, request: JudgeRequest) -> str:
    given = json.dumps({"reason": "drift"})
    try:
        stepfunctions.start_execution(stateMachineArn=request.machine, name=request.job, input=given)
    except stepfunctions.exceptions.ExecutionAlreadyExists:
        return " A retraining had been started before."
    return " A retraining was started."
