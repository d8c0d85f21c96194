# SPDX-License-Identifier: MIT-0
"""A home that holds runs with registered models, as far as operating them needs."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from local.execution import Identity, Record
from local.home import Home
from local.registry import Registry
from local.store import Store
from local.training import pack
from pipeline_src import contract
from tests.local.fake import ALGORITHM

PICTURE = b"\xff\xd8picture"
_BASELINE = "s3://local-runs/baseline/{}.json"


def run(home: Home, run_id: str, scores: Sequence[float], *, baseline: bool = True) -> Record:
    """Add a run whose registered model answers `scores` to the held-out picture I1."""
    record = Record.create(home.runs, Identity(run_id, "test"), {}, {"Profile": "demo"})
    folder = record.path.parent / "left"
    _judged(folder, scores)
    for step, output in (
        (contract.EVALUATE, contract.EVALUATION_OUTPUT),
        (contract.PREPROCESS, contract.HOLDOUT_OUTPUT),
    ):
        record.start(step, "Processing")
        record.finish(step, "Succeeded", Outputs={output: str(folder)})
    package = Registry(home.registry).create(_package(home, run_id, scores, baseline=baseline), "arn:aws:sagemaker:r:a")
    record.start(contract.REGISTER, "RegisterModel")
    arn = {"RegisterModel": {"Arn": package["ModelPackageArn"]}}
    record.finish(contract.REGISTER, "Succeeded", Metadata=arn)
    record.end("Succeeded")
    return record


def _judged(folder: Path, scores: Sequence[float]) -> None:
    folder.mkdir()
    (folder / "I1.jpg").write_bytes(PICTURE)
    with (folder / contract.PREDICTIONS).open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(contract.PREDICTION_COLUMNS)
        table.writerow(["I1", "L1", "test", "nv", "nv", *scores, "0"])


def _package(home: Home, run_id: str, scores: Sequence[float], *, baseline: bool) -> dict[str, Any]:
    """Return the arguments of CreateModelPackage; the artifact holds what its model answers."""
    model = home.root / "made" / run_id
    model.mkdir(parents=True)
    (model / "scores.json").write_text(json.dumps(list(scores)))
    uri = f"s3://local-runs/models/{run_id}/model.tar.gz"
    path = Store(home.s3).path(uri)
    path.parent.mkdir(parents=True)
    pack(model, path)
    container = {"Image": ALGORITHM, "ModelDataUrl": uri}
    kinds = {kind: {"S3Uri": _BASELINE.format(kind.lower())} for kind in ("Statistics", "Constraints")}
    for kind in kinds.values():
        Store(home.s3).write(b"{}", kind["S3Uri"])
    checks = {"DriftCheckBaselines": {"ModelDataQuality": kinds}} if baseline else {}
    return {"ModelPackageGroupName": "small", "InferenceSpecification": {"Containers": [container]}, **checks}
