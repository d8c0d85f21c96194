# SPDX-License-Identifier: MIT-0
"""Where the functions begin: each reads its payload, makes its clients and answers; the rules stand in the rooms below.

``retrain`` is a state of the state machine; ``release``, ``rejected``, ``tally``, ``monitor`` and ``judge`` are targets
of EventBridge: an error is raised, so that the caller sees its sentence. ``publish``, ``smoke`` and ``promote`` are
actions of CodePipeline: job.py. Where a stage is elsewhere, access.py leads there.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final, Protocol

from operations import access, champion, job, link, package, payload, retraining, watch
from operations import judge as judging
from operations import monitor as monitoring
from operations import publish as publishing
from operations import release as delivery
from operations import smoke as smoking
from operations import tally as tallying
from operations.access import Connect, Crossed, connected
from operations.client import Client, Clients, client, copier
from operations.job import Done
from operations.target import Endpoint

_LOG: Final = logging.getLogger(__name__)
_LOG.setLevel(logging.INFO)


class Context(Protocol):
    """What is used of the object that Lambda hands to a function."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the function may still run."""


def retrain(event: object, _context: Context, clients: Clients = client) -> dict[str, Any]:
    """Start the SageMaker pipeline or join an execution: `payload.Retrain` in, `payload.Retrained` out."""
    request = payload.read(payload.Retrain, event)
    services = {name: clients(name) for name in ("sagemaker", "s3", "ssm")}
    answer = retraining.start(request, **services)
    _LOG.info(answer.message)
    return asdict(answer)


def release(event: object, _context: Context, clients: Clients = client) -> dict[str, Any]:
    """Start a delivery: `payload.Release` in, `payload.Released` out."""
    request = payload.read(payload.Release, event)
    services = {name: clients(name) for name in ("sagemaker", "codepipeline", "ssm")}
    answer = delivery.start(request, **services)
    _LOG.info(answer.message)
    return asdict(answer)


def rejected(event: object, _context: Context, clients: Clients = client) -> dict[str, Any]:
    """Tell the topic if a rejected package is live: `payload.Rejected` in."""
    request = payload.read(payload.Rejected, event)
    message = champion.tell_rejected(request, ssm=clients("ssm"), sns=clients("sns"))
    _LOG.info(message)
    return {"message": message}


def tally(event: object, _context: Context, clients: Clients = client) -> dict[str, Any]:
    """Count the answers in a file of captured requests: `payload.Tally` in."""
    request = payload.read(payload.Tally, event)
    message = tallying.publish(request, s3=clients("s3"), cloudwatch=clients("cloudwatch"))
    _LOG.info(message)
    return {"message": message}


def monitor(event: object, _context: Context, clients: Clients = client) -> dict[str, Any]:
    """Start a run of the monitor: `watch.Monitor` in."""
    request = payload.read(watch.Monitor, event)
    message = monitoring.start(request, **{name: clients(name) for name in ("sagemaker", "s3", "ssm")})
    _LOG.info(message)
    return {"message": message}


def judge(event: object, _context: Context, clients: Clients = client) -> dict[str, Any]:
    """Tell what a run of the monitor has found: `watch.Judge` in."""
    request = payload.read(watch.Judge, event)
    services = {name: clients(name) for name in ("s3", "cloudwatch", "sns", "stepfunctions")}
    message = judging.tell(request, **services)
    _LOG.info(message)
    return {"message": message}


def publish(
    event: Mapping[str, Any], context: Context, clients: Clients = client, copies: Callable[[str], Client] = copier
) -> None:
    """Copy a model to where its endpoint is: UserParameters are `payload.Publish`; the variable is model, its URI."""

    def work(parameters: object) -> Done:
        request = payload.read(payload.Publish, parameters)
        services = {"sagemaker": clients("sagemaker"), "s3": clients("s3"), "there": copies(request.region)}
        model = publishing.publish(request, **services)
        return Done(f"The model of {package.named(request.package)} is {model}.", {"model": model})

    job.report(event, context.aws_request_id, clients("codepipeline"), work)


def smoke(event: Mapping[str, Any], context: Context, clients: Clients = client, connect: Connect = connected) -> None:
    """Smoke-test an endpoint: UserParameters are `payload.Smoke`; the variables are report, metrics and agreement.

    The function needs a time limit of five minutes: it gives a slow endpoint up two minutes before its end.
    """

    def work(parameters: object) -> Done:
        request = payload.read(payload.Smoke, parameters)
        found = package.described(clients("sagemaker"), request.package)
        there = access.crossed(request.access, request.region, "smoke", clients, connect)
        target = Crossed(Endpoint(request.endpoint, there("sagemaker-runtime")), request.access)
        left = context.get_remaining_time_in_millis
        passed = smoking.run_package(found, target, s3=clients("s3"), left=lambda: left() / 1000)
        report = {"report": link.of_object(found.report, found.arn)}
        live = champion.read(clients("ssm"), request.champion) if request.champion else ""
        return Done(f"{passed.place}: {passed}", report, {"metrics": found.told(live), "agreement": str(passed)})

    job.report(event, context.aws_request_id, clients("codepipeline"), work)


def promote(
    event: Mapping[str, Any], context: Context, clients: Clients = client, connect: Connect = connected
) -> None:
    """Move the champion pointer: UserParameters are `payload.Promote`."""

    def work(parameters: object) -> Done:
        request = payload.read(payload.Promote, parameters)
        there = access.crossed(request.access, request.region, "promote", clients, connect)
        return Done(champion.promote(request, sagemaker=there("sagemaker"), ssm=clients("ssm")))

    job.report(event, context.aws_request_id, clients("codepipeline"), work)
