# SPDX-License-Identifier: MIT-0
"""Tells what a run of the monitor has found: figures for the dashboard and the alarm, a message, perhaps a retraining.

The job has no network. It leaves `monitor.json`, which `pipeline_src/lesions/drift/outcome.py` writes: message,
violations, checks with their effects, and what the labels say. A run over all that is kept, which new labels start,
publishes what the labels say and nothing else: of drift, the daily runs have told already. Where too few pictures were
sent to compare them, that is published, and no number of violations: a 0 would say that all is well.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from operations import link
from operations.client import Client
from operations.error import OperationError
from operations.watch import LABELS, Judge

REPORT: Final = "monitor.json"
PAGE: Final = "monitor.html"
REQUESTS: Final = "MonitoredRequests"
VIOLATIONS: Final = "Violations"
COMPARED: Final = "Compared"  # 1, or 0 where there were too few pictures
DRIFT: Final = "Drift"
# What labels say, by its name in the report.
TRUTH: Final = {"balanced_accuracy": "BalancedAccuracy", "melanoma_sensitivity": "MelanomaSensitivity"}
STATUS: Final = "compared"  # of a report whose pictures were
_ENDPOINT: Final = "production"
_SUBJECT: Final = {False: "Production differs from what its model was tested on", True: "What labels say of production"}
_DRIFTED: Final = """\
What to do: docs/operations.md, Drift. In short: read the report; look whether a camera, a source of pictures or the
mix of patients has changed; label some of the pictures (make labels FILE=...) before trusting or retraining anything.
"""
_TOLD: Final = "What to do: docs/operations.md, labels.\n"

Report = Mapping[str, Any]


def tell(request: Judge, *, s3: Client, cloudwatch: Client, sns: Client, stepfunctions: Client) -> str:
    """Publish the figures, tell the topic of violations, and return what was found in a sentence.

    Args:
        request: Which run, and whom to tell.
        s3: Client that reads its report.
        cloudwatch: Client that publishes the figures.
        sns: Client that tells the topic.
        stepfunctions: Client that starts a retraining, where that is wanted.

    Raises:
        OperationError: The report is not there, or is none.
        ClientError: A service refused.
    """
    report = _report(s3, request)
    by_labels = f"-monitor-{LABELS}-" in request.job
    data = list(_truth(report) if by_labels else _drift(report))
    if data:
        cloudwatch.put_metric_data(Namespace=request.namespace, MetricData=data)
    if by_labels or report["violations"]:
        sns.publish(TopicArn=request.topic, Subject=_SUBJECT[by_labels], Message=_message(request, report, by_labels))
    started = _retrain(stepfunctions, request) if report["violations"] and request.machine and not by_labels else ""
    return f"{request.job}: {report['message']}{started}"


def _report(s3: Client, request: Judge) -> Report:
    bucket, _, folder = request.reports.removeprefix("s3://").partition("/")
    key = f"{folder}{request.job}/{REPORT}"
    place = f"s3://{bucket}/{key}"
    try:
        content = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except s3.exceptions.NoSuchKey:
        raise OperationError(f"{place}: is not there. The job's log says why: {request.job}.") from None
    except ValueError as error:
        raise OperationError(f"{place}: is no JSON: {error}. The job's log says more: {request.job}.") from None
    wanted = ("status", "message", "violations", "requests", "checks", "truth")
    missing = [name for name in wanted if not isinstance(content, dict) or name not in content]
    if missing:
        raise OperationError(f"{place}: has no {missing[0]!r}. Was it written by another version? Deploy again.")
    found: Report = content
    return found


def _drift(report: Report) -> Iterator[dict[str, Any]]:
    yield _metric(REQUESTS, report["requests"], "Count")
    compared = report["status"] == STATUS
    yield _metric(COMPARED, compared, "Count")
    # Captured requests that cannot be read are a violation however few pictures there are.
    if compared or report["violations"]:
        yield _metric(VIOLATIONS, len(report["violations"]), "Count")
    for check in report["checks"]:
        yield _metric(DRIFT, check["effect"], "None", Feature=check["name"])


def _truth(report: Report) -> Iterator[dict[str, Any]]:
    for name, metric in TRUTH.items():
        value = (report["truth"] or {}).get(name, {}).get("value")
        # What too few labels say is no figure, and a 0 would be read as one.
        if value is not None:
            yield _metric(metric, value, "None")


def _metric(name: str, value: float, unit: str, **dimensions: str) -> dict[str, Any]:
    named = [{"Name": key, "Value": each} for key, each in ({"Endpoint": _ENDPOINT} | dimensions).items()]
    return {"MetricName": name, "Dimensions": named, "Value": float(value), "Unit": unit}


def _message(request: Judge, report: Report, by_labels: bool) -> str:  # noqa: FBT001  two kinds of run, no option
    page = link.of_object(f"{request.reports}{request.job}/{PAGE}", request.topic)
    said = "\n".join(_told(report["truth"])) if by_labels else report["message"]
    return f"{said}\n\nReport: {page}\n\n{_TOLD if by_labels else _DRIFTED}"


def _told(truth: Report | None) -> Iterator[str]:
    for name in TRUTH:
        figure = (truth or {}).get(name) or {}
        words, value = name.replace("_", " "), figure.get("value")
        if value is None:
            yield f"{words}: {(truth or {}).get('reasons', {}).get(name, 'no label matches a captured request')}"
        else:
            interval = f"95 % interval {figure['lower']:.3f} to {figure['upper']:.3f}"
            yield f"{words}: {value:.3f} ({interval}, {figure['images']} images)"


def _retrain(stepfunctions: Client, request: Judge) -> str:
    given = json.dumps({"reason": "drift"})
    try:
        stepfunctions.start_execution(stateMachineArn=request.machine, name=request.job, input=given)
    except stepfunctions.exceptions.ExecutionAlreadyExists:
        return " The retraining was asked for before."
    return " A retraining was asked for."
