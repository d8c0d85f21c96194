# SPDX-License-Identifier: MIT-0
"""Selects the run that a command uses, and reads the held-out images and predictions of a run.

Without an id, a command uses the newest run that has what it needs; a newer run that failed, was stopped or is still
running does not hide it.
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from rich.console import Console

from local.aws import data_capture, pipeline_executions
from local.aws.model_registry import ModelRegistry
from local.aws.pipeline_executions import LATEST_RUN, ExecutionRecord
from local.aws.s3_store import LocalHome, S3Store
from local.endpoint import model_serving
from local.errors import LocalError, UsageError
from pipeline_src import contract


@dataclass(frozen=True)
class HeldOutImage:
    """A held-out image.

    Attributes:
        image_id: Id of the image.
        label: Its class.
        scores: The model's probabilities, in the order of `contract.CLASS_LABELS`.
        path: Its file.
    """

    image_id: str
    label: str
    scores: tuple[float, ...]
    path: Path


def read_held_out_images(record: ExecutionRecord) -> list[HeldOutImage]:
    """Return the held-out images of validation and test whose files exist, in the order of the predictions.

    Raises:
        UsageError: The run has no predictions, or none of their images exists.
    """
    evaluation = record.output_folder(contract.EVALUATE_STEP, contract.EVALUATION_OUTPUT) or Path()
    folder = record.output_folder(contract.PREPROCESS_STEP, contract.HOLDOUT_OUTPUT) or Path()
    try:
        images = list(_read_predictions(evaluation / contract.PREDICTIONS_FILE, folder))
        problem = f"its images are no longer in {folder}"
    except (OSError, KeyError, ValueError) as error:
        images, problem = [], f"its predictions cannot be read ({error})"
    found = [each for each in images if each.path.is_file()]
    if not found:
        raise UsageError(
            f"run {record.execution_id}: {problem}. Use a run that was evaluated, or run the pipeline again."
        )
    return found


def _read_predictions(predictions: Path, folder: Path) -> Iterator[HeldOutImage]:
    with predictions.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["split"] != contract.OFFICIAL:
                scores = tuple(float(row[name]) for name in contract.PREDICTION_SCORES)
                path = folder / contract.held_out_file(row["image_id"])
                yield HeldOutImage(row["image_id"], row["label"], scores, path)


class RunCriterion(NamedTuple):
    """A requirement of a command on a run: words that follow "the newest that", and the check."""

    words: str
    holds: Callable[[ExecutionRecord, LocalHome], bool]


def select_run(name: str, home: LocalHome, shown: Console, *criteria: RunCriterion) -> ExecutionRecord:
    """Return the run with id `name`, or for `latest` the newest run that meets the first criterion.

    Args:
        name: An id, the unique beginning of one, or `latest`.
        home: Folder of the runs.
        shown: Receives the id of the run that was selected for `latest`.
        criteria: A later one applies where no run meets the earlier ones. If no run meets any, the newest run is
            returned, so that the command reports what it lacks.

    Raises:
        UsageError: There is no such run.
    """
    record = pipeline_executions.find_execution(home.runs, name)
    if name != LATEST_RUN:
        return record
    newest_first = pipeline_executions.load_executions(home.runs)[::-1]
    for criterion in criteria:
        found = next((each for each in newest_first if criterion.holds(each, home)), None)
        if found is not None:
            shown.print(f"Run {found.execution_id}, the newest that {criterion.words}", style="dim", highlight=False)
            return found
    return record


def _is_approved(record: ExecutionRecord, home: LocalHome) -> bool:
    try:
        return bool(model_serving.require_approved_package(record, ModelRegistry(home.registry)))
    except LocalError:
        return False


def _is_registered(record: ExecutionRecord, home: LocalHome) -> bool:
    try:
        return bool(ModelRegistry(home.registry).describe(model_serving.require_registered_package(record)))
    except LocalError:
        return False


def _is_captured(record: ExecutionRecord, home: LocalHome) -> bool:
    captured = data_capture.capture_uri(data_capture.endpoint_name_of_run(record.execution_id))
    return S3Store(home.s3).size(captured)[0] > 0


def _is_evaluated(record: ExecutionRecord, _home: LocalHome) -> bool:
    try:
        return bool(read_held_out_images(record))
    except LocalError:
        return False


APPROVED_RUN: Final = RunCriterion("is approved", _is_approved)
REGISTERED_RUN: Final = RunCriterion("registered a model", _is_registered)
CAPTURED_RUN: Final = RunCriterion("has captured requests", _is_captured)
EVALUATED_RUN: Final = RunCriterion("has held-out images", _is_evaluated)
