# SPDX-License-Identifier: MIT-0
"""A home that holds runs with registered models, as far as operating them needs."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from local.aws.model_registry import ModelRegistry
from local.aws.pipeline_executions import ExecutionIdentity, ExecutionRecord
from local.aws.s3_store import LocalHome, S3Store
from local.steps.training_step import pack_model_archive
from pipeline_src import contract
from tests.local.fake import ALGORITHM

PICTURE = b"\xff\xd8picture"
_BASELINE = "s3://local-runs/baseline/{}.json"


def run(home: LocalHome, run_id: str, scores: Sequence[float], *, baseline: bool = True) -> ExecutionRecord:
    """Add a run whose registered model answers `scores` to the held-out picture I1."""
    record = ExecutionRecord.create(home.runs, ExecutionIdentity(run_id, "test"), {}, {"Profile": "demo"})
    folder = record.path.parent / "left"
    _judged(folder, scores)
    for step, output in (
        (contract.EVALUATE_STEP, contract.EVALUATION_OUTPUT),
        (contract.PREPROCESS_STEP, contract.HOLDOUT_OUTPUT),
    ):
        record.start(step, "Processing")
        record.finish(step, "Succeeded", Outputs={output: str(folder)})
    package = ModelRegistry(home.registry).create(
        _package(home, run_id, scores, baseline=baseline), "arn:aws:sagemaker:r:a"
    )
    record.start(contract.REGISTER_STEP, "RegisterModel")
    arn = {"RegisterModel": {"Arn": package["ModelPackageArn"]}}
    record.finish(contract.REGISTER_STEP, "Succeeded", Metadata=arn)
    record.end("Succeeded")
    return record


def _judged(folder: Path, scores: Sequence[float]) -> None:
    folder.mkdir()
    (folder / "I1.jpg").write_bytes(PICTURE)
    with (folder / contract.PREDICTIONS_FILE).open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(contract.PREDICTION_COLUMNS)
        table.writerow(["I1", "L1", "test", "nv", "nv", *scores, "0"])


def _package(home: LocalHome, run_id: str, scores: Sequence[float], *, baseline: bool) -> dict[str, Any]:
    """Return the arguments of CreateModelPackage; the artifact holds what its model answers."""
    model = home.root / "made" / run_id
    model.mkdir(parents=True)
    (model / "scores.json").write_text(json.dumps(list(scores)))
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
