# SPDX-License-Identifier: MIT-0
"""The Evaluate job, run as its container runs it."""

import json
from typing import Any

import pytest

from pipeline_src.jobs import evaluate
from pipeline_src.runtime import job_exit
from tests.jobs.evaluation import case

ARGUMENTS = {
    "--melanoma-target-sensitivity": "0.85",
    "--gate-balanced-accuracy": "0.5",
    "--gate-balanced-accuracy-lower": "0.3",
    "--gate-melanoma-sensitivity": "0.4",
    "--gate-melanoma-sensitivity-lower": "0.1",
    "--gate-melanoma-specificity": "0",
    "--gate-malignant-sensitivity": "0.4",
    "--gate-class-sensitivity": "0",
    "--gate-test-images": "1",
    "--gate-subgroup-balanced-accuracy": "0",
    "--gate-overconfidence": "0.5",
    "--gate-leaked-test-images": "0",
    "--gate-champion-balanced-accuracy-loss": "0.2",
    "--gate-champion-melanoma-area-loss": "0.3",
}


def run(**changes: str) -> int:
    """Run the job as its container does, with some arguments changed."""
    given = {**ARGUMENTS, **{f"--{name.replace('_', '-')}": value for name, value in changes.items()}}
    arguments = [word for pair in given.items() for word in pair]
    return job_exit.run_job(lambda: evaluate.run_evaluation(*evaluate.parse_evaluation_options(arguments)))


def written(room: case.Room) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(room.evaluation.iterdir())}


def evaluated(room: case.Room) -> dict[str, Any]:
    """Return what the job wrote into evaluation.json, which must be strict JSON."""
    document: dict[str, Any] = json.loads(written(room)["evaluation.json"], parse_constant=pytest.fail)
    return document
