# SPDX-License-Identifier: MIT-0
"""A Transform step: the answers, and the end of the server."""

from pathlib import Path
from typing import Any

import pytest

from local.steps.training_step import pack_model_archive
from tests.local.fake import ALGORITHM, RUNS, FakeRunner, definition, run

MODEL = {
    "Name": "Model",
    "Type": "Model",
    "Arguments": {"PrimaryContainer": {"Image": ALGORITHM, "ModelDataUrl": "s3://raw/model.tar.gz", "Environment": {}}},
}


def transform(**more: Any) -> dict[str, Any]:
    arguments = {
        "ModelName": {"Get": "Steps.Model.ModelName"},
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://raw/holdout"}},
            "ContentType": "application/x-image",
        },
        "TransformOutput": {"S3OutputPath": {"Std:Join": {"On": "/", "Values": [RUNS, "scores"]}}},
        "TransformResources": {"InstanceType": "ml.c5.xlarge", "InstanceCount": 1},
        "MaxConcurrentTransforms": 3,
        "MaxPayloadInMB": 1,
    }
    return {"Name": "Score", "Type": "Transform", "Arguments": arguments | more}


@pytest.fixture
def holdout(home: Path) -> Path:
    model = home / "model"
    model.mkdir(parents=True)
    (model / "weights.bin").write_bytes(b"weights")
    folder = home / "s3/raw/holdout"
    folder.mkdir(parents=True)
    pack_model_archive(model, home / "s3/raw/model.tar.gz")
    for number in range(20):
        (folder / f"{number}.jpg").write_bytes(b"x" * number)
    return folder


def test_the_answer_to_each_object_lies_under_its_key_with_out_behind_it(home: Path, holdout: Path) -> None:
    runner = FakeRunner()
    ending = run(definition(MODEL, transform()), home, runner)
    assert ending.exit_code == 0, ending.reason
    folder = Path(ending.record.steps[1]["Outputs"]["scores"])
    answers = {path.name: path.read_text() for path in folder.iterdir()}
    assert answers == {f"{path.name}.out": f"[{path.stat().st_size}]" for path in holdout.iterdir()}
    assert runner.processes[0].poll() is not None


def test_an_object_that_gets_no_answer_fails_the_step_and_is_named_and_the_server_ends(
    home: Path, holdout: Path
) -> None:
    (holdout / "7.jpg").write_bytes(b"bad")
    runner = FakeRunner()
    ending = run(definition(MODEL, transform()), home, runner)
    assert ending.exit_code == 1
    assert str(ending.reason).startswith(
        "7.jpg: the model server answered 500 Internal Server Error: no image. Replace"
    )
    assert str(ending.reason).endswith("stderr.log.")
    assert runner.processes[0].poll() is not None
    assert not (home / "s3/runs").exists()


def test_an_object_above_the_payload_limit_is_named(home: Path, holdout: Path) -> None:
    (holdout / "big.jpg").write_bytes(b"x" * (1 << 20) + b"x")
    ending = run(definition(MODEL, transform()), home, FakeRunner())
    assert ending.exit_code == 2
    assert "big.jpg: 1,048,577 bytes, above MaxPayloadInMB" in str(ending.reason)


@pytest.mark.usefixtures("holdout")
def test_a_model_that_the_execution_did_not_make_is_refused(home: Path) -> None:
    ending = run(definition(MODEL, transform(ModelName="other")), home, FakeRunner())
    assert str(ending.reason).startswith("ModelName 'other': no such model in this execution")


def test_a_model_whose_artifact_is_not_there_is_refused(home: Path) -> None:
    ending = run(definition(MODEL), home, FakeRunner())
    assert str(ending.reason).startswith("ModelDataUrl 's3://raw/model.tar.gz': no such object")


@pytest.mark.usefixtures("holdout")
def test_a_transform_is_cached_by_its_model_and_input_alone(home: Path) -> None:
    step = transform() | {"CacheConfig": {"Enabled": True}}
    run(definition(MODEL, step), home, FakeRunner())
    again = FakeRunner()
    run(definition(MODEL, step), home, again)
    # The Model step is never cached and names its model anew, so the service would not reuse the scores either.
    assert len(again.served) == 1
