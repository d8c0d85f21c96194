# SPDX-License-Identifier: MIT-0
"""Executes a Processing step: one job on one host.

Source of the layout: Developer Guide, "How Amazon SageMaker Processing runs your processing container image".
"""

from typing import Final

from local import json_files
from local.errors import StepError
from local.json_files import JsonObject
from local.runners.job_runner import Job
from local.steps.step_context import (
    OPT_ML,
    StepContext,
    StepResult,
    local_job_path,
    require_job_success,
    resource_config,
)

_BELOW: Final = f"{OPT_ML}/processing"


def execute_processing_step(arguments: JsonObject, context: StepContext) -> StepResult:
    """Run the job and store its outputs.

    Raises:
        StepError: The job failed.
        StoppedError: It was stopped.
    """
    job = _job(arguments, context)
    require_job_success(job, context.runner.run(job, stop=context.stop, line=context.line), "message")
    outputs = {output["OutputName"]: output["S3Output"] for output in _outputs(arguments)}
    for output in outputs.values():
        context.store.put_folder(local_job_path(job.root, output["LocalPath"], _BELOW), output["S3Uri"])
    arn = context.identity.arn("processing-job", context.job_name)
    generated = {"ProcessingJobName": context.job_name, "ProcessingJobArn": arn, "ProcessingJobStatus": "Completed"}
    uris = {name: output["S3Uri"] for name, output in outputs.items()}
    return StepResult(arguments | generated, {"ProcessingJob": {"Arn": arn}}, uris)


def _outputs(arguments: JsonObject) -> list[JsonObject]:
    found: list[JsonObject] = arguments.get("ProcessingOutputConfig", {}).get("Outputs", [])
    return found


def _job(arguments: JsonObject, context: StepContext) -> Job:
    root = context.folder / "opt/ml"
    for item in arguments.get("ProcessingInputs", []):
        source = item["S3Input"]
        context.store.fetch(source["S3Uri"], local_job_path(root, source["LocalPath"], _BELOW))
    for item in _outputs(arguments):
        local_job_path(root, item["S3Output"]["LocalPath"], _BELOW).mkdir(parents=True, exist_ok=True)
    (root / "output").mkdir(parents=True, exist_ok=True)
    cluster = arguments.get("ProcessingResources", {}).get("ClusterConfig", {})
    json_files.write_json(root / "config/resourceconfig.json", resource_config(cluster.get("InstanceType", "local")))
    name = {"ProcessingJobName": context.job_name}
    json_files.write_json(root / "config/processingjobconfig.json", arguments | name)
    specification = arguments["AppSpecification"]
    command = (*specification.get("ContainerEntrypoint", ()), *specification.get("ContainerArguments", ()))
    if not command:
        raise StepError("AppSpecification: no ContainerEntrypoint. The local engine requires one.", code=2)
    limit = arguments.get("StoppingCondition", {}).get("MaxRuntimeInSeconds")
    environment = arguments.get("Environment", {})
    return Job(context.step, specification["ImageUri"], command, root, context.folder, environment, limit)
