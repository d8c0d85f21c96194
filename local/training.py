# SPDX-License-Identifier: MIT-0
"""A Training step: the built-in image classification, for which local/algorithm stands in.

Source of the layout: Developer Guide, "How Amazon SageMaker runs your training image".
"""

import gzip
import shutil
import tarfile
from pathlib import Path
from typing import Final

from local import document
from local.document import Object
from local.error import StepError
from local.jobs import ALGORITHM, Job, software
from local.step import ML, Context, Result, local_path, require_success, resources
from local.store import files
from pipeline_src import contract

TRAIN: Final = ("python", "-m", "local.algorithm", "train")
_CHECKPOINTS: Final = "/opt/ml/checkpoints"


def execute(arguments: Object, context: Context) -> Result:
    """Train, pack the model as SageMaker does, and put it into the store.

    Raises:
        StepError: The job failed or left no model.
        StoppedError: It was stopped.
    """
    job = _job(arguments, context)
    _restore(arguments, job, context)
    try:
        outcome = context.runner.run(job, stop=context.stop, line=context.line)
    finally:
        _keep(arguments, job, context)
    require_success(job, outcome, "failure")
    if not any(files(job.root / "model")):
        raise StepError("it left no file in /opt/ml/model, so there is no model. Look into its log.")
    output = f"{arguments['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{context.job_name}/output"
    uri = f"{output}/{contract.MODEL_ARTIFACT}"
    _store_packed(job.root / "model", uri, context)
    outputs = {"model": uri}
    if any(files(job.root / "output/data")):
        outputs["data"] = f"{output}/output.tar.gz"
        _store_packed(job.root / "output/data", outputs["data"], context)
    arn = context.identity.arn("training-job", context.job_name)
    generated = {"TrainingJobName": context.job_name, "TrainingJobArn": arn, "TrainingJobStatus": "Completed"}
    artifacts = {"ModelArtifacts": {"S3ModelArtifacts": uri}}
    return Result(arguments | generated | artifacts, {"TrainingJob": {"Arn": arn}}, outputs)


def pack(folder: Path, target: Path) -> None:
    """Pack the files of `folder` as a .tar.gz whose bytes depend on their names and contents alone."""
    with (
        target.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for file in files(folder):
            entry = tarfile.TarInfo(file.relative_to(folder).as_posix())
            entry.size = file.stat().st_size
            with file.open("rb") as content:
                tar.addfile(entry, content)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a model archive into `folder`; only plain files with plain names.

    Raises:
        StepError: It is no such archive.
    """
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for entry in tar:
                name = Path(entry.name)
                content = tar.extractfile(entry) if entry.isfile() else None
                if content is None or name.is_absolute() or ".." in name.parts:
                    raise StepError(f"{archive}: entry {entry.name!r} is no plain file. Train the model anew.")
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as file:
                    shutil.copyfileobj(content, file)
    except (tarfile.TarError, EOFError, gzip.BadGzipFile) as error:
        raise StepError(f"{archive}: not a readable model archive ({error}). Train the model anew.") from error


def _job(arguments: Object, context: Context) -> Job:
    image = arguments["AlgorithmSpecification"]["TrainingImage"]
    specification = arguments["AlgorithmSpecification"]
    command = (*specification.get("ContainerEntrypoint", ()), *specification.get("ContainerArguments", ()))
    if not command:
        if software(image) != ALGORITHM:
            raise StepError(f"TrainingImage {image}: only the built-in image-classification can run here.", code=2)
        command = TRAIN
    root = context.folder / "opt/ml"
    _lay_out(arguments, root, context)
    limit = arguments.get("StoppingCondition", {}).get("MaxRuntimeInSeconds")
    return Job(context.step, image, command, root, context.folder, arguments.get("Environment", {}), limit)


def _lay_out(arguments: Object, root: Path, context: Context) -> None:
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
    document.write(config / "inputdataconfig.json", channels)
    document.write(config / "hyperparameters.json", arguments.get("HyperParameters", {}))
    instance = arguments.get("ResourceConfig", {}).get("InstanceType", "local")
    document.write(config / "resourceconfig.json", resources(instance))


def _store_packed(folder: Path, uri: str, context: Context) -> None:
    packed = context.folder / Path(uri).name
    pack(folder, packed)
    context.store.put(packed, uri)
    packed.unlink()  # The store has it now.


def _checkpoints(arguments: Object, job: Job) -> tuple[Path, str] | None:
    config = arguments.get("CheckpointConfig")
    if not config:
        return None
    return local_path(job.root, config.get("LocalPath", _CHECKPOINTS), ML), config["S3Uri"]


def _restore(arguments: Object, job: Job, context: Context) -> None:
    """Copy earlier checkpoints into the job's folder: copies, because the job goes on writing them."""
    if found := _checkpoints(arguments, job):
        folder, uri = found
        stored = context.store.path(uri)
        folder.mkdir(parents=True, exist_ok=True)
        if stored.is_dir():
            shutil.copytree(stored, folder, dirs_exist_ok=True)


def _keep(arguments: Object, job: Job, context: Context) -> None:
    if found := _checkpoints(arguments, job):
        context.store.put_folder(*found)
