# SPDX-License-Identifier: MIT-0
"""Executes a Training step: the command of its request, or the stand-in for an image that runs on SageMaker alone.

Source of the layout: Developer Guide, "How Amazon SageMaker runs your training image".
"""

import gzip
import shutil
import tarfile
from pathlib import Path
from typing import Final

from local import json_files
from local.aws.s3_store import files_below
from local.errors import StepError
from local.json_files import JsonObject
from local.runners.job_runner import Job, software_of_image
from local.steps.step_context import (
    OPT_ML,
    StepContext,
    StepResult,
    local_job_path,
    require_job_success,
    resource_config,
)
from pipeline_src import contract

_CHECKPOINTS: Final = "/opt/ml/checkpoints"


def execute_training_step(arguments: JsonObject, context: StepContext) -> StepResult:
    """Train, pack the model as SageMaker does, and store it.

    Raises:
        StepError: The job failed or wrote no model.
        StoppedError: It was stopped.
    """
    job = _job(arguments, context)
    checkpoints = arguments.get("CheckpointConfig")
    if checkpoints:
        folder = local_job_path(job.root, checkpoints.get("LocalPath", _CHECKPOINTS), OPT_ML)
        folder.mkdir(parents=True, exist_ok=True)
        stored = context.store.path(checkpoints["S3Uri"])
        if stored.is_dir():  # Copied, not linked, because the job goes on writing these files.
            shutil.copytree(stored, folder, dirs_exist_ok=True)
    try:
        outcome = context.runner.run(job, stop=context.stop, line=context.line)
    finally:
        if checkpoints:
            context.store.put_folder(folder, checkpoints["S3Uri"])
    require_job_success(job, outcome, "failure")
    if not any(files_below(job.root / "model")):
        raise StepError("the job wrote no file to /opt/ml/model, so there is no model. See its log.")
    output = f"{arguments['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{context.job_name}/output"
    uri = f"{output}/{contract.MODEL_ARTIFACT_FILE}"
    _store_packed(job.root / "model", uri, context)
    outputs = {"model": uri}
    if any(files_below(job.root / "output/data")):
        outputs["data"] = f"{output}/output.tar.gz"
        _store_packed(job.root / "output/data", outputs["data"], context)
    arn = context.identity.arn("training-job", context.job_name)
    generated = {"TrainingJobName": context.job_name, "TrainingJobArn": arn, "TrainingJobStatus": "Completed"}
    artifacts = {"ModelArtifacts": {"S3ModelArtifacts": uri}}
    return StepResult(arguments | generated | artifacts, {"TrainingJob": {"Arn": arn}}, outputs)


def pack_model_archive(folder: Path, target: Path) -> None:
    """Pack the files of `folder` into a .tar.gz whose bytes depend only on their names and contents."""
    with (
        target.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for file in files_below(folder):
            entry = tarfile.TarInfo(file.relative_to(folder).as_posix())
            entry.size = file.stat().st_size
            with file.open("rb") as content:
                tar.addfile(entry, content)


def unpack_model_archive(archive: Path, folder: Path) -> None:
    """Unpack a model archive of regular files into `folder`.

    Raises:
        StepError: The archive cannot be read, or has an entry of another kind or outside `folder`.
    """
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for entry in tar:
                name = Path(entry.name)
                content = tar.extractfile(entry) if entry.isfile() else None
                if content is None or name.is_absolute() or ".." in name.parts:
                    raise StepError(f"{archive}: entry {entry.name!r} is not a plain file. Train the model again.")
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as file:
                    shutil.copyfileobj(content, file)
    except (tarfile.TarError, EOFError, gzip.BadGzipFile) as error:
        raise StepError(f"{archive}: not a readable model archive ({error}). Train the model again.") from error


def _job(arguments: JsonObject, context: StepContext) -> Job:
    specification = arguments["AlgorithmSpecification"]
    image = specification["TrainingImage"]
    command = (*specification.get("ContainerEntrypoint", ()), *specification.get("ContainerArguments", ()))
    if not command:
        command = software_of_image(image).train
        if not command:
            raise StepError(
                f"TrainingImage {image}: it has no training command that is known on this machine. Give the request a "
                "ContainerEntrypoint.",
                code=2,
            )
    root = context.folder / "opt/ml"
    _write_job_files(arguments, root, context)
    limit = arguments.get("StoppingCondition", {}).get("MaxRuntimeInSeconds")
    return Job(context.step, image, command, root, context.folder, arguments.get("Environment", {}), limit)


def _write_job_files(arguments: JsonObject, root: Path, context: StepContext) -> None:
    channels = {}
    default = arguments["AlgorithmSpecification"].get("TrainingInputMode", "File")
    for channel in arguments.get("InputDataConfig", []):
        source = channel["DataSource"]["S3DataSource"]
        context.store.fetch(source["S3Uri"], root / "input/data" / channel["ChannelName"])
        channels[channel["ChannelName"]] = {
            "TrainingInputMode": channel.get("InputMode", default),
            "ContentType": channel.get("ContentType", ""),
            "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
            "RecordWrapperType": channel.get("RecordWrapperType", "None"),
        }
    for folder in ("model", "output/data"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    config = root / "input/config"
    json_files.write_json(config / "inputdataconfig.json", channels)
    json_files.write_json(config / "hyperparameters.json", arguments.get("HyperParameters", {}))
    instance = arguments.get("ResourceConfig", {}).get("InstanceType", "local")
    json_files.write_json(config / "resourceconfig.json", resource_config(instance))


def _store_packed(folder: Path, uri: str, context: StepContext) -> None:
    packed = context.folder / Path(uri).name
    pack_model_archive(folder, packed)
    context.store.put(packed, uri)
    packed.unlink()
