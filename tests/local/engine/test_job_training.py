# SPDX-License-Identifier: MIT-0
"""The files of a Training job in /opt/ml, and its model archive."""

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from local.errors import DefinitionError, StepError
from local.runners.job_runner import Job
from local.steps.training_step import pack_model_archive, unpack_model_archive
from tests.local.fake import ALGORITHM, RUNS, FakeRunner, definition, engine, run


def training(**more: Any) -> dict[str, Any]:
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://raw/train"}}
    arguments = {
        "AlgorithmSpecification": {"TrainingImage": ALGORITHM, "TrainingInputMode": "File"},
        "HyperParameters": {"epochs": "3"},
        "InputDataConfig": [{"ChannelName": "train", "DataSource": source, "ContentType": "application/x-recordio"}],
        "OutputDataConfig": {"S3OutputPath": {"Std:Join": {"On": "/", "Values": [RUNS, "train"]}}},
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.g4dn.xlarge"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    return {"Name": "Train", "Type": "Training", "Arguments": arguments | more}


@pytest.fixture(autouse=True)
def channel(home: Path) -> None:
    path = home / "s3/raw/train/train.rec"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"records")


def test_opt_ml_is_laid_out_as_the_service_does(home: Path) -> None:
    ending = run(definition(training()), home, FakeRunner())
    root = ending.record.path.parent / "Train/opt/ml"
    config = {path.name: json.loads(path.read_text()) for path in (root / "input/config").iterdir()}
    assert config["hyperparameters.json"] == {"epochs": "3"}
    assert config["resourceconfig.json"]["current_host"] == "algo-1"
    assert config["inputdataconfig.json"]["train"] == {
        "TrainingInputMode": "File",
        "ContentType": "application/x-recordio",
        "S3DistributionType": "FullyReplicated",
        "RecordWrapperType": "None",
    }
    assert (root / "input/data/train/train.rec").read_bytes() == b"records"


def test_the_stand_in_runs_for_the_built_in_algorithm_with_its_time_limit(home: Path) -> None:
    jobs: list[Job] = []
    run(definition(training()), home, FakeRunner({"Train": jobs.append}))
    assert jobs[0].command == ("python", "-m", "local.builtin_stand_in", "train")
    assert jobs[0].limit == 60


def test_any_other_training_image_is_refused_by_name_before_anything_runs(home: Path) -> None:
    image = "111.dkr.ecr.us-east-1.amazonaws.com/xgboost:1"
    other = {"TrainingImage": image, "TrainingInputMode": "File"}
    with pytest.raises(DefinitionError) as caught:
        run(definition(training(AlgorithmSpecification=other)), home, FakeRunner())
    assert str(caught.value).startswith(
        f"Train.AlgorithmSpecification.TrainingImage: {image!r}: the code of this image"
    )
    assert not (home / "runs").exists()


def test_an_image_that_a_parameter_names_is_known_before_anything_runs(home: Path) -> None:
    given = {"TrainingImage": {"Get": "Parameters.Image"}, "TrainingInputMode": "File"}
    parameter = {"Name": "Image", "Type": "String", "DefaultValue": ALGORITHM}
    document = definition(training(AlgorithmSpecification=given), parameters=[parameter])
    assert run(document, home, FakeRunner()).exit_code == 0
    with pytest.raises(DefinitionError, match="'other:1': the code of this image is not on this machine"):
        engine(document, home / "second", FakeRunner(), given={"Image": "other:1"})
    assert not (home / "second").exists()


def test_the_model_is_packed_where_the_service_puts_it(home: Path) -> None:
    ending = run(definition(training()), home, FakeRunner())
    entry = ending.record.steps[0]
    execution = ending.record.execution_id
    uri = f"s3://runs/{execution}/train/pipelines-{execution}-Train/output/model.tar.gz"
    assert entry["Properties"]["ModelArtifacts"] == {"S3ModelArtifacts": uri}
    with tarfile.open(entry["Outputs"]["model"]) as tar:
        assert tar.getnames() == ["weights.bin"]


def test_a_job_that_leaves_no_model_fails(home: Path) -> None:
    ending = run(definition(training()), home, FakeRunner({"Train": lambda _job: None}))
    assert "there is no model" in str(ending.reason)


def test_a_failed_training_is_explained_by_its_failure_file(home: Path) -> None:
    def refuse(job: Job) -> int:
        (job.root / "output/failure").write_text("hyperparameter 'epochs': 'x'.")
        return 2

    ending = run(definition(training()), home, FakeRunner({"Train": refuse}))
    assert (ending.exit_code, ending.reason) == (2, "hyperparameter 'epochs': 'x'.")


def test_checkpoints_are_kept_even_of_a_failed_job_and_given_to_the_next(home: Path) -> None:
    seen: list[list[str]] = []

    def train(job: Job) -> int:
        folder = job.root / "checkpoints"
        seen.append(sorted(path.name for path in folder.iterdir()))
        (folder / f"epoch-{len(seen)}").write_text("state")
        return 1

    step = training(CheckpointConfig={"S3Uri": "s3://runs/checkpoints", "LocalPath": "/opt/ml/checkpoints"})
    for _ in range(2):
        run(definition(step), home, FakeRunner({"Train": train}))
    assert seen == [[], ["epoch-1"]]


def test_the_same_files_give_the_same_packed_bytes_whenever_they_were_written(tmp_path: Path) -> None:
    digests = set()
    for name in ("a", "b"):
        folder = tmp_path / name
        (folder / "deep").mkdir(parents=True)
        for file in ("z", "deep/y") if name == "a" else ("deep/y", "z"):
            (folder / file).write_text(file)
        pack_model_archive(folder, tmp_path / f"{name}.tar.gz")
        digests.add(hashlib.sha256((tmp_path / f"{name}.tar.gz").read_bytes()).hexdigest())
    assert len(digests) == 1
    assert (tmp_path / "a.tar.gz").read_bytes()[4:8] == bytes(4), "gzip's header holds the time of packing"
    unpack_model_archive(tmp_path / "a.tar.gz", tmp_path / "c")
    assert (tmp_path / "c/deep/y").read_text() == "deep/y"


@pytest.mark.parametrize("name", ["../escaped", "/escaped"])
def test_a_model_archive_cannot_write_outside_its_folder(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = 1
        tar.addfile(entry, io.BytesIO(b"x"))
    with pytest.raises(StepError, match="is not a plain file"):
        unpack_model_archive(archive, tmp_path / "folder")
    assert not (tmp_path / "escaped").exists()


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08\x00 cut"])
def test_what_is_no_model_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    archive = tmp_path / "model.tar.gz"
    archive.write_bytes(content)
    with pytest.raises(StepError, match="not a readable model archive"):
        unpack_model_archive(archive, tmp_path / "folder")
