# SPDX-License-Identifier: MIT-0
"""Creates runs with registered models in a home, as far as the commands that operate a model need them."""

import csv
from typing import Any

from local.aws.model_registry import ModelRegistry
from local.aws.pipeline_executions import ExecutionIdentity, ExecutionRecord
from local.aws.s3_store import LocalHome, S3Store
from local.steps.training_step import pack_model_archive
from pipeline_src import contract
from tests.local.fake import ALGORITHM
from tests.local.operation.server import SCORES

PICTURE = b"\xff\xd8picture"
_BASELINE = "s3://local-runs/baseline/{}.json"


def run(home: LocalHome, run_id: str, *, baseline: bool = True) -> ExecutionRecord:
    """Add a run that registered a model and held out the image I1."""
    record = ExecutionRecord.create(home.runs, ExecutionIdentity(run_id, "test"), {}, {"Profile": "demo"})
    folder = record.path.parent / "left"
    folder.mkdir()
    (folder / "I1.jpg").write_bytes(PICTURE)
    with (folder / contract.PREDICTIONS_FILE).open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(contract.PREDICTION_COLUMNS)
        table.writerow(["I1", "L1", "test", "nv", "nv", *SCORES, "0"])
    for step, output in (
        (contract.EVALUATE_STEP, contract.EVALUATION_OUTPUT),
        (contract.PREPROCESS_STEP, contract.HOLDOUT_OUTPUT),
    ):
        record.start(step, "Processing")
        record.finish(step, "Succeeded", Outputs={output: str(folder)})
    package = ModelRegistry(home.registry).create(_package(home, run_id, baseline=baseline), "arn:aws:sagemaker:r:a")
    record.start(contract.REGISTER_STEP, "RegisterModel")
    arn = {"RegisterModel": {"Arn": package["ModelPackageArn"]}}
    record.finish(contract.REGISTER_STEP, "Succeeded", Metadata=arn)
    record.end("Succeeded")
    return record


def _package(home: LocalHome, run_id: str, *, baseline: bool) -> dict[str, Any]:
    """Return the arguments of CreateModelPackage."""
    model = home.root / "made" / run_id
    model.mkdir(parents=True)
    (model / "weights").write_bytes(b"weights")
    uri = f"s3://local-runs/models/{run_id}/model.tar.gz"
    path = S3Store(home.s3).path(uri)
    path.parent.mkdir(parents=True)
    pack_model_archive(model, path)
    container = {"Image": ALGORITHM, "ModelDataUrl": uri}
    kinds = {kind: {"S3Uri": _BASELINE.format(kind.lower())} for kind in ("Statistics", "Constraints")}
    for kind in kinds.values():
        S3Store(home.s3).write(b"{}", kind["S3Uri"])
    checks = {"DriftCheckBaselines": {"ModelDataQuality": kinds}} if baseline else {}
    return {"ModelPackageGroupName": "small", "InferenceSpecification": {"Containers": [container]}, **checks}
