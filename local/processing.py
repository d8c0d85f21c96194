# SPDX-License-Identifier: MIT-0
"""A Processing step: one job on one or several hosts.

Source of the layout: Developer Guide, "How Amazon SageMaker Processing runs your processing container image".
"""

import filecmp
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from local import document
from local.document import Object
from local.error import StepError
from local.jobs import Job, Outcome
from local.step import ML, Context, Result, host_folder, local_path, require_success, resources
from local.store import files, place

_BELOW: Final = f"{ML}/processing"


def execute(arguments: Object, context: Context) -> Result:
    """Run the job and put its outputs into the store.

    Raises:
        StepError: The job failed, or two hosts wrote one object with different bytes.
        StoppedError: It was stopped.
    """
    hosts = int(arguments.get("ProcessingResources", {}).get("ClusterConfig", {}).get("InstanceCount", 1))
    jobs = [_job(arguments, context, host, hosts) for host in range(hosts)]
    with ThreadPoolExecutor(hosts) as pool:
        outcomes = list(pool.map(lambda job: _run(job, context), jobs))
    for job, outcome in zip(jobs, outcomes, strict=True):
        require_success(job, outcome, "message")
    outputs = {output["OutputName"]: output["S3Output"] for output in _outputs(arguments)}
    for output in outputs.values():
        context.store.put_folder(_merged(jobs, output["LocalPath"], context), output["S3Uri"])
    arn = context.identity.arn("processing-job", context.job_name)
    generated = {"ProcessingJobName": context.job_name, "ProcessingJobArn": arn, "ProcessingJobStatus": "Completed"}
    uris = {name: output["S3Uri"] for name, output in outputs.items()}
    return Result(arguments | generated, {"ProcessingJob": {"Arn": arn}}, uris)


def _run(job: Job, context: Context) -> Outcome:
    return context.runner.run(job, stop=context.stop, line=context.line)


def _outputs(arguments: Object) -> list[Object]:
    found: list[Object] = arguments.get("ProcessingOutputConfig", {}).get("Outputs", [])
    return found


def _job(arguments: Object, context: Context, host: int, hosts: int) -> Job:
    folder = host_folder(context, host, hosts)
    root = folder / "opt/ml"
    for item in arguments.get("ProcessingInputs", []):
        source = item["S3Input"]
        share = (host, hosts) if source.get("S3DataDistributionType") == "ShardedByS3Key" else (0, 1)
        context.store.fetch(source["S3Uri"], local_path(root, source["LocalPath"], _BELOW), share=share)
    for item in _outputs(arguments):
        local_path(root, item["S3Output"]["LocalPath"], _BELOW).mkdir(parents=True, exist_ok=True)
    (root / "output").mkdir(parents=True, exist_ok=True)
    cluster = arguments.get("ProcessingResources", {}).get("ClusterConfig", {})
    document.write(root / "config/resourceconfig.json", resources(host, hosts, cluster.get("InstanceType", "local")))
    name = {"ProcessingJobName": context.job_name}
    document.write(root / "config/processingjobconfig.json", arguments | name)
    specification = arguments["AppSpecification"]
    command = (*specification.get("ContainerEntrypoint", ()), *specification.get("ContainerArguments", ()))
    if not command:
        raise StepError("AppSpecification: no ContainerEntrypoint. The local engine needs one; add it.", code=2)
    limit = arguments.get("StoppingCondition", {}).get("MaxRuntimeInSeconds")
    environment = arguments.get("Environment", {})
    return Job(context.step, specification["ImageUri"], command, root, folder, environment, limit)


def _merged(jobs: list[Job], path: str, context: Context) -> Path:
    """Return a folder that holds what all hosts wrote to the output at `path`."""
    folders = [local_path(job.root, path, _BELOW) for job in jobs]
    if len(folders) == 1:
        return folders[0]
    merged = context.folder / "merged" / Path(path).relative_to(_BELOW)
    merged.mkdir(parents=True, exist_ok=True)
    for folder in folders:
        for file in files(folder):
            target = merged / file.relative_to(folder)
            if target.exists() and not filecmp.cmp(file, target, shallow=False):
                name = file.relative_to(folder)
                raise StepError(f"{path}/{name}: two hosts wrote it with different bytes. Give each its own file name.")
            place(file, target)
    return merged
