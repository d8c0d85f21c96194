# SPDX-License-Identifier: MIT-0
"""A Processing step: one job on one host.

Source of the layout: Developer Guide, "How Amazon SageMaker Processing runs your processing container image".
"""

from typing import Final

from local import document
from local.document import Object
from local.error import StepError
from local.jobs import Job
from local.step import ML, Context, Result, local_path, require_success, resources

_BELOW: Final = f"{ML}/processing"


def execute(arguments: Object, context: Context) -> Result:
    """Run the job and put its outputs into the store.

    Raises:
        StepError: The job failed.
        StoppedError: It was stopped.
    """
    job = _job(arguments, context)
    require_success(job, context.runner.run(job, stop=context.stop, line=context.line), "message")
    outputs = {output["OutputName"]: output["S3Output"] for output in _outputs(arguments)}
    for output in outputs.values():
        context.store.put_folder(local_path(job.root, output["LocalPath"], _BELOW), output["S3Uri"])
    arn = context.identity.arn("processing-job", context.job_name)
    generated = {"ProcessingJobName": context.job_name, "ProcessingJobArn": arn, "ProcessingJobStatus": "Completed"}
    uris = {name: output["S3Uri"] for name, output in outputs.items()}
    return Result(arguments | generated, {"ProcessingJob": {"Arn": arn}}, uris)


def _outputs(arguments: Object) -> list[Object]:
    found: list[Object] = arguments.get("ProcessingOutputConfig", {}).get("Outputs", [])
    return found


def _job(arguments: Object, context: Context) -> Job:
    root = context.folder / "opt/ml"
    for item in arguments.get("ProcessingInputs", []):
        source = item["S3Input"]
        context.store.fetch(source["S3Uri"], local_path(root, source["LocalPath"], _BELOW))
    for item in _outputs(arguments):
        local_path(root, item["S3Output"]["LocalPath"], _BELOW).mkdir(parents=True, exist_ok=True)
    (root / "output").mkdir(parents=True, exist_ok=True)
    cluster = arguments.get("ProcessingResources", {}).get("ClusterConfig", {})
    document.write(root / "config/resourceconfig.json", resources(cluster.get("InstanceType", "local")))
    name = {"ProcessingJobName": context.job_name}
    document.write(root / "config/processingjobconfig.json", arguments | name)
    specification = arguments["AppSpecification"]
    command = (*specification.get("ContainerEntrypoint", ()), *specification.get("ContainerArguments", ()))
    if not command:
        raise StepError("AppSpecification: no ContainerEntrypoint. The local engine needs one; add it.", code=2)
    limit = arguments.get("StoppingCondition", {}).get("MaxRuntimeInSeconds")
    environment = arguments.get("Environment", {})
    return Job(context.step, specification["ImageUri"], command, root, context.folder, environment, limit)
