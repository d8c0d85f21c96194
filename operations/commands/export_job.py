# SPDX-License-Identifier: MIT-0
"""Exports labelled images of production as an additional archive, by a processing job in the preprocessing image.

The role of the job reads captures, labels and earlier exports, and writes only below ``additions/``. The new archive,
which is named after its SHA-256, starts a retraining like an uploaded archive. Each export contains the one before it,
because captures expire. Source: SageMaker API Reference, CreateProcessingJob.
"""

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final

import click

from operations.account import aws_errors, terminal_output
from operations.account.deployment_account import Account
from operations.functions import job_inputs
from operations.functions.aws_clients import Client
from operations.functions.errors import OperationError, StoppedError, UsageError
from pipeline_src import contract

EXPORT_ENTRYPOINT: Final = ("python", "-m", "pipeline_src.jobs.export")
_POLL_SECONDS: Final = 15.0
_MAX_HOURS: Final = 3
_RUNNING_STATUSES: Final = ("InProgress", "Stopping")
_LABELS_INPUT: Final = "labels"
_CAPTURE_INPUT: Final = "capture"
_PRODUCTION_STAGE: Final = "production"
_COMPLETED_STATUS: Final = "Completed"

Clock = Callable[[], datetime]


def start_export_job(account: Account, clock: Clock = lambda: datetime.now(UTC)) -> str:
    """Start the job and return its name.

    Args:
        account: The account of the build.
        clock: Returns the current time, which becomes part of the job's name.

    Raises:
        UsageError: There are no captured requests or no labels.
        AccountError: A stack is not deployed, or production does not capture requests.
    """
    raw, key = account.output("storage", "RawBucket"), account.output("storage", "KeyArn")
    given = account.outputs_with("monitoring", "ExportRole")
    name = f"{account.name}-export-{clock():%Y%m%dt%H%M%S}"
    inputs = list(_find_job_inputs(account.client("s3"), raw, _captures_uri(account)))
    # The job unpacks its input and packs the images again.
    volume = job_inputs.job_volume_gb(2 * sum(size for _, _, size in inputs))
    placement = job_inputs.JobPlacement(
        image=account.output("training", "Image"),
        key=key,
        **{each.removeprefix("Export").lower(): value for each, value in given.items() if each.startswith("Export")},
    )
    additions = f"s3://{raw}/{contract.ADDITIONS_PREFIX}"
    job = job_inputs.ProcessingJob(
        entrypoint=EXPORT_ENTRYPOINT,
        inputs={each: uri for each, uri, _ in inputs},
        outputs={
            contract.ADDITION_OUTPUT: additions.rstrip("/"),
            contract.EXPORT_OUTPUT: f"{additions}{contract.EXPORT_OUTPUT}/{name}",
        },
        volume_gb=volume,
        seconds=3600 * _MAX_HOURS,
    )
    # The name has the second of this request: a job of that name is the one whose answer was lost.
    with contextlib.suppress(account.client("sagemaker").exceptions.ResourceInUse):
        account.client("sagemaker").create_processing_job(**placement.job_request(name, account.name, job))
    return name


def wait_for_export_job(account: Account, name: str) -> str:
    """Wait until the job has ended and return its message.

    Raises:
        OperationError: It failed; the message has the reason.
        StoppedError: Ctrl-C; the job continues.
    """
    sagemaker = account.client("sagemaker")
    try:
        while (
            job := aws_errors.read_new_resource(
                lambda: sagemaker.describe_processing_job(ProcessingJobName=name), account.sleep
            )
        )["ProcessingJobStatus"] in _RUNNING_STATUSES:
            account.sleep(_POLL_SECONDS)
    except KeyboardInterrupt:
        raise StoppedError(f"stopped waiting; processing job {name} continues. See its ExitMessage.") from None
    said = str(job.get("ExitMessage") or job.get("FailureReason") or "no reason given; see its log.")
    if job["ProcessingJobStatus"] != _COMPLETED_STATUS:
        raise OperationError(f"processing job {name}: {job['ProcessingJobStatus']}: {said}")
    return said


@click.command("export")
@click.pass_obj
def export_command(account: Account) -> None:
    """Make an additional archive of labelled images.

    They are those of production and of the previous one; the command waits for it. The
    archive starts a retraining, if that is set. Exit code 1 if there is nothing to export.
    """
    shown = terminal_output.output_console()
    name = start_export_job(account)
    terminal_output.print_line(shown, f"Started processing job {name}.")
    terminal_output.print_line(shown, wait_for_export_job(account, name))
    terminal_output.print_line(shown, "Next: if retraining on new data is on, one has started; follow it: make retrain")


def _captures_uri(account: Account) -> str:
    """Return the folder of production's captured requests."""
    storage = account.outputs("storage")
    return f"s3://{storage.get('CapturesBucket', storage['RunsBucket'])}/{contract.CAPTURE_PREFIX}{_PRODUCTION_STAGE}/"


def _find_job_inputs(s3: Client, raw: str, captured: str) -> Iterator[tuple[str, str, int]]:
    """Yield name, URI and bytes of the inputs; each has an object, because a job fails on an input without one."""
    labels = f"s3://{raw}/{contract.LABELS_PREFIX}"
    wanted = {
        _CAPTURE_INPUT: (captured, "Production has captured no request."),
        _LABELS_INPUT: (labels, "Upload confirmed labels: make labels FILE=labels.csv."),
    }
    for name, (uri, remedy) in wanted.items():
        size = job_inputs.total_object_bytes(s3, uri)
        if size is None:
            raise UsageError(f"{uri}: no objects, so there is nothing to export. {remedy}")
        yield name, uri, size
    earlier = job_inputs.find_addition_key(s3, raw, "")
    if earlier:
        uri = f"s3://{raw}/{earlier}"
        yield contract.ADDITION_INPUT, uri, job_inputs.total_object_bytes(s3, uri) or 0
