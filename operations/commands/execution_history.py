# SPDX-License-Identifier: MIT-0
"""Fetches the executions of the pipeline with their metrics and reports, for the page of all runs on this machine.

The page is written here and not into the runs bucket. There its links would not open, because each object of a private
bucket needs an address of its own that is signed for the reader; and something in the account would have to be allowed
to read all runs and to write beside them. So a person reads with the person's own permissions, and nothing is written.
Source: SageMaker API Reference, PipelineExecutionStep: a step that was reused names the execution it is from.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import click
from botocore.exceptions import ClientError

from operations.account import aws_errors, terminal_output
from operations.account.deployment_account import Account
from operations.functions import model_delivery, model_package
from operations.functions.aws_clients import Client
from pipeline_src import contract
from pipeline_src.run_facts import HISTORY_FILE, RunFacts, RunHistory, evaluated_metrics, execution_outcome

Json: TypeAlias = dict[str, Any]

NEWEST: Final = 50
MLFLOW_OUTPUT: Final = "MlflowServer"  # of the training stack, where the setting tracking.mlflow_arn is given
_REUSED: Final = ("CacheHitResult", "SelectiveExecutionResult")
# What the table shows elsewhere, or what differs in each execution.
_UNLISTED: Final = (
    contract.INPUT_ARCHIVE_PARAMETER,
    contract.ADDITIONAL_ARCHIVE_PARAMETER,
    contract.SOURCE_COMMIT_PARAMETER,
    contract.CHAMPION_PREDICTIONS_PARAMETER,
    contract.CHAMPION_PACKAGE_PARAMETER,
    contract.STARTING_MODEL_PARAMETER,  # the table shows the package
    contract.STARTING_MANIFEST_PARAMETER,
)


def fetch_history(account: Account, folder: Path, newest: int = NEWEST) -> RunHistory:
    """Write `HISTORY_FILE` and the reports of the newest executions into `folder`, and return what the file holds.

    Args:
        account: The account of the build.
        folder: Where to write; reports that it has are not fetched again.
        newest: Number of executions.
    """
    training = account.outputs_with("training", "Pipeline")
    storage = account.outputs_with("storage", "RunsBucket")
    sagemaker = account.client("sagemaker")
    definition = json.loads(sagemaker.describe_pipeline(PipelineName=training["Pipeline"])["PipelineDefinition"])
    defaults = {each["Name"]: str(each.get("DefaultValue", "")) for each in definition.get("Parameters", [])}
    pages = sagemaker.get_paginator("list_pipeline_executions").paginate(
        PipelineName=training["Pipeline"],
        SortBy="CreationTime",
        SortOrder="Descending",
        PaginationConfig={"MaxItems": newest},
    )
    listed = [each for page in pages for each in page["PipelineExecutionSummaries"]]
    reader = _HistoryReader(sagemaker, account.client("s3"), storage["RunsBucket"], defaults, folder)
    runs = [reader.facts(each["PipelineExecutionArn"]) for each in reversed(listed)]
    champion = model_delivery.read_champion_arn(account.client("ssm"), storage["Champion"])
    found = RunHistory(f"runs of {account.name}", champion, tuple(runs), training.get(MLFLOW_OUTPUT, ""))
    _write(folder / HISTORY_FILE, json.dumps(asdict(found), indent=2).encode())
    return found


@dataclass(frozen=True)
class _HistoryReader:
    """Reads executions.

    Attributes:
        sagemaker: Client.
        s3: Client.
        bucket: Runs bucket.
        defaults: Default values of the pipeline's parameters.
        folder: Receives evaluations and reports.
    """

    sagemaker: Client
    s3: Client
    bucket: str
    defaults: Mapping[str, str]
    folder: Path

    def facts(self, arn: str) -> RunFacts:
        """Return what is known of an execution; its report is fetched, and named relative to the folder."""
        told: Json = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        steps = {each["StepName"]: each for each in _steps(self.sagemaker, arn)}
        failed = [each for each in steps.values() if each["StepStatus"] == "Failed"]
        package = next(
            (str(each["Metadata"]["RegisterModel"]["Arn"]) for each in steps.values() if _registers(each)), ""
        )
        run, status = arn.rpartition("/")[2], str(told["PipelineExecutionStatus"])
        evaluation = _fetch_evaluation(self.s3, self.bucket, _evaluating_execution(steps, run), self.folder / run)
        ended = status not in ("Executing", "Stopping")
        return RunFacts(
            run=run,
            started=told["CreationTime"].isoformat(),
            seconds=(told["LastModifiedTime"] - told["CreationTime"]).total_seconds() if ended else None,
            outcome=execution_outcome(
                status, (kind for each in failed for kind in each.get("Metadata", {})), registered=bool(package)
            ),
            algorithm=str((evaluation or {}).get("provenance", {}).get(contract.ALGORITHM_FACT, "")),
            profile="",
            parameters=_changed_parameters(self.sagemaker, arn, self.defaults),
            metrics=evaluated_metrics(evaluation),
            package=package,
            approval=_approval(self.sagemaker, package) if package else "",
            report=f"{run}/{contract.REPORT_FILE}" if evaluation else "",
            reason=next((str(each["FailureReason"]) for each in failed if "FailureReason" in each), ""),
        )


def _approval(sagemaker: Client, package: str) -> str:
    try:
        return model_package.describe_model_package(sagemaker, package).status
    except ClientError as error:
        if aws_errors.is_not_found(error):
            return "gone"
        raise


def _steps(sagemaker: Client, arn: str) -> Iterator[Json]:
    for page in sagemaker.get_paginator("list_pipeline_execution_steps").paginate(PipelineExecutionArn=arn):
        yield from page["PipelineExecutionSteps"]


def _registers(step: Json) -> bool:
    return "Arn" in step.get("Metadata", {}).get("RegisterModel", {})


def _changed_parameters(sagemaker: Client, arn: str, defaults: Mapping[str, str]) -> dict[str, str]:
    pages = sagemaker.get_paginator("list_pipeline_parameters_for_execution").paginate(PipelineExecutionArn=arn)
    values = {each["Name"]: each["Value"] for page in pages for each in page["PipelineParameters"]}
    return {
        name: value for name, value in values.items() if name not in _UNLISTED and value != defaults.get(name, value)
    }


def _evaluating_execution(steps: Mapping[str, Json], run: str) -> str:
    """Return the id of the execution whose evaluation an execution has; empty if it was not evaluated."""
    step = steps.get(contract.EVALUATE_STEP, {})
    if step.get("StepStatus") != "Succeeded":
        return ""
    sources = (str(step.get(name, {}).get("SourcePipelineExecutionArn", "")) for name in _REUSED)
    return next((source.rpartition("/")[2] for source in sources if source), run)


def _fetch_evaluation(s3: Client, bucket: str, run: str, folder: Path) -> Json | None:
    """Return evaluation.json of execution `run`, with its report beside it in `folder`; None if there is none."""
    if not run:
        return None
    place = f"{contract.RUNS_PREFIX}{run}/{contract.EVALUATE_STEP.lower()}/{contract.EVALUATION_OUTPUT}"
    for name in (contract.REPORT_FILE, contract.EVALUATION_FILE):
        if (folder / name).is_file():
            continue
        try:
            content = s3.get_object(Bucket=bucket, Key=f"{place}/{name}")["Body"].read()
        except s3.exceptions.NoSuchKey:  # Its time of retention is over.
            return None
        _write(folder / name, content)
    found: Json = json.loads((folder / contract.EVALUATION_FILE).read_bytes())
    return found


def _write(path: Path, content: bytes) -> None:
    """Write a file so that it is never there in part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}")
    aside.write_bytes(content)
    aside.replace(path)


@click.command("history")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), required=False)
@click.option("--newest", type=click.IntRange(1), default=NEWEST, show_default=True, help="Number of executions.")
@click.pass_obj
def history_command(account: Account, folder: Path | None, *, newest: int) -> None:
    """Fetch runs and reports for the page of all runs.

    They are written into FOLDER; nothing is changed in the account.
    """
    place = folder or Path(os.environ.get("LOCAL_HOME", ".local")) / "deployments" / account.name
    with terminal_output.error_console().status("Fetching the executions of the pipeline"):
        found = fetch_history(account, place, newest)
    terminal_output.print_line(terminal_output.output_console(), f"{len(found.runs)} executions in {place}")
