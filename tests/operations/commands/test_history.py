# SPDX-License-Identifier: MIT-0
"""`make history` fetches executions, metrics and reports, and changes nothing in the account."""

import io
import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from local.cli.pipeline_commands import main
from pipeline_src import contract
from tests.operations.service import Services
from tests.operations.shell import has_stack, run
from tests.operations.state import MONDAY, NAME

PIPELINE = f"arn:aws:sagemaker:us-east-1:111111111111:pipeline/{NAME}"
PACKAGE = f"arn:aws:sagemaker:us-east-1:111111111111:model-package/{NAME}/3"
DEFINITION = {"Parameters": [{"Name": "Epochs", "DefaultValue": 3}, {"Name": "InputArchive"}], "Steps": []}
FIGURE = {"value": 0.857, "lower": 0.8, "upper": 0.9, "images": 135}
EVALUATION = {
    "balanced_accuracy": FIGURE,
    "melanoma": {"sensitivity": FIGURE},
    "provenance": {contract.ALGORITHM_FACT: "linear_probe"},
}


def execution(run_id: str) -> str:
    return f"{PIPELINE}/execution/{run_id}"


def has_execution(aws: Services, run_id: str, status: str, *steps: dict[str, Any], epochs: str) -> None:
    """Have an execution described, with its steps and parameters."""
    found = {"PipelineExecutionStatus": status, "CreationTime": MONDAY, "LastModifiedTime": MONDAY}
    aws.answers("sagemaker", "describe_pipeline_execution", found, PipelineExecutionArn=execution(run_id))
    aws.answers("sagemaker", "list_pipeline_execution_steps", {"PipelineExecutionSteps": list(steps)})
    has_object = any(each["StepName"] == "Evaluate" and each["StepStatus"] == "Succeeded" for each in steps)
    if has_object:
        source = steps[0].get("CacheHitResult", {}).get("SourcePipelineExecutionArn", execution(run_id))
        place = f"runs/{source.rpartition('/')[2]}/evaluate/evaluation"
        for name, content in (("report.html", b"report"), ("evaluation.json", json.dumps(EVALUATION).encode())):
            body = {"Body": io.BytesIO(content)}
            aws.answers("s3", "get_object", body, Bucket="runs", Key=f"{place}/{name}")
    parameters = {"PipelineParameters": [{"Name": "Epochs", "Value": epochs}, {"Name": "InputArchive", "Value": "x"}]}
    aws.answers("sagemaker", "list_pipeline_parameters_for_execution", parameters)


def step(name: str, status: str = "Succeeded", **more: Any) -> dict[str, Any]:
    return {"StepName": name, "StepStatus": status, **more}


def has_history(aws: Services) -> None:
    """Have four executions: registered, rejected with a reused evaluation, crashed, and one in progress."""
    has_stack(aws, "training")
    has_stack(aws, "storage")
    described = {"PipelineArn": PIPELINE, "PipelineName": NAME, "PipelineDefinition": json.dumps(DEFINITION)}
    aws.answers("sagemaker", "describe_pipeline", described, PipelineName=NAME)
    listed = [{"PipelineExecutionArn": execution(each)} for each in ("going", "crashed", "rejected", "passed")]
    aws.answers("sagemaker", "list_pipeline_executions", {"PipelineExecutionSummaries": listed})
    registered = step("Register", Metadata={"RegisterModel": {"Arn": PACKAGE}})
    has_execution(aws, "passed", "Succeeded", step("Evaluate"), registered, epochs="3")
    package = {
        "ModelPackageName": NAME,
        "ModelPackageArn": PACKAGE,
        "CreationTime": MONDAY,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "ModelApprovalStatus": "Approved",
    }
    aws.answers("sagemaker", "describe_model_package", package)
    reused = step("Evaluate", CacheHitResult={"SourcePipelineExecutionArn": execution("earlier")})
    refused = step("Reject", "Failed", Metadata={"Fail": {"ErrorMessage": "missed"}}, FailureReason="missed")
    has_execution(aws, "rejected", "Failed", reused, refused, epochs="5")
    crash = step("Train", "Failed", Metadata={"TrainingJob": {}}, FailureReason="out of memory")
    has_execution(aws, "crashed", "Failed", crash, epochs="3")
    has_execution(aws, "going", "Executing", epochs="3")
    aws.answers("ssm", "get_parameter", {"Parameter": {"Value": PACKAGE, "LastModifiedDate": MONDAY}})


def test_the_page_shows_each_execution_with_its_outcome_metrics_and_report(aws: Services, tmp_path: Path) -> None:
    has_history(aws)
    done = run(aws, "history", str(tmp_path))
    assert done.exit_code == 0, done.output
    written = json.loads((tmp_path / "runs.json").read_text())
    assert written["champion"] == PACKAGE
    assert [(each["run"], each["outcome"], each["parameters"]) for each in written["runs"]] == [
        ("passed", "passed", {}),
        ("rejected", "rejected", {"Epochs": "5"}),
        ("crashed", "crashed", {}),
        ("going", "running", {}),
    ]
    assert [bool(each["metrics"]) for each in written["runs"]] == [True, True, False, False]
    assert [each["reason"] for each in written["runs"]] == ["", "missed", "out of memory", ""]
    assert written["runs"][0]["algorithm"] == "linear_probe"
    shown = CliRunner().invoke(main, ["history", "--fetched", str(tmp_path)])
    assert shown.exit_code == 0, shown.output
    page = (tmp_path / "index.html").read_text()
    assert '<a href="passed/report.html">passed</a>' in page
    assert "champion <b>passed</b>" in page
    assert (tmp_path / "rejected/report.html").read_text() == "report"


def test_a_folder_without_fetched_runs_says_how_to_fetch_them(tmp_path: Path) -> None:
    refused = CliRunner().invoke(main, ["history", "--fetched", str(tmp_path)])
    assert (refused.exit_code, "Fetch it: make history" in refused.stderr) == (2, True)
