# SPDX-License-Identifier: MIT-0
"""The pictures that a run judged its model by, and what the model answered to them.

Which run a command takes where nobody names one: the newest that it can use, which need not be the newest of all.

A run that failed, was stopped or is still going on leaves nothing to serve or to monitor, and hides nothing older.
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
    """A held-out picture.

    Attributes:
        image_id: its id.
        label: its class.
        scores: the model's answer, in the order of `contract.CLASS_LABELS`.
        path: its file.
    """

    image_id: str
    label: str
    scores: tuple[float, ...]
    path: Path


def read_held_out_images(record: ExecutionRecord) -> list[HeldOutImage]:
    """Return the held-out pictures of validation and test whose files are there, by image id.

    Raises:
        UsageError: the run has no predictions, or none of their pictures.
    """
    predictions = (
        _step_output_folder(record, contract.EVALUATE_STEP, contract.EVALUATION_OUTPUT) / contract.PREDICTIONS_FILE
    )
    folder = _step_output_folder(record, contract.PREPROCESS_STEP, contract.HOLDOUT_OUTPUT)
    try:
        found = [each for each in _read_predictions(predictions, folder) if each.path.is_file()]
    except (OSError, KeyError, ValueError) as error:
        raise _no_images_error(record, f"its predictions cannot be read ({error})") from None
    if not found:
        raise _no_images_error(record, f"its pictures are no longer in {folder}")
    return found


def _step_output_folder(record: ExecutionRecord, step: str, output: str) -> Path:
    return Path((record.step(step) or {}).get("Outputs", {}).get(output, ""))


def _read_predictions(predictions: Path, folder: Path) -> Iterator[HeldOutImage]:
    with predictions.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["split"] != contract.OFFICIAL:
                scores = tuple(float(row[name]) for name in contract.PREDICTION_SCORES)
                path = folder / contract.held_out_file(row["image_id"])
                yield HeldOutImage(row["image_id"], row["label"], scores, path)


def _no_images_error(record: ExecutionRecord, cause: str) -> UsageError:
    return UsageError(f"run {record.execution_id}: {cause}. Name a run that was evaluated, or run the pipeline again.")


class RunCriterion(NamedTuple):
    """What a command needs of a run: in words that follow "the newest that", and whether a run has it."""

    words: str
    holds: Callable[[ExecutionRecord, LocalHome], bool]


def select_run(name: str, home: LocalHome, shown: Console, *wishes: RunCriterion) -> ExecutionRecord:
    """Return the run that `name` means; of those that `latest` may mean, the newest that the first wish holds for.

    Args:
        name: an id, the unique beginning of one, or `latest`.
        home: where the runs lie.
        shown: is told which run was taken where `name` does not say it.
        wishes: the later ones count where no run has the earlier; where none has any, the newest run of all is taken,
            so that the command says what that one lacks.

    Raises:
        UsageError: there is no such run.
    """
    record = pipeline_executions.find_execution(home.runs, name)
    if name != LATEST_RUN:
        return record
    newest_first = pipeline_executions.load_executions(home.runs)[::-1]
    for wish in wishes:
        found = next((each for each in newest_first if wish.holds(each, home)), None)
        if found is not None:
            shown.print(f"Run {found.execution_id}, the newest that {wish.words}", style="dim", highlight=False)
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
    return S3Store(home.s3).holds(data_capture.capture_uri(data_capture.endpoint_name_of_run(record.execution_id)))


def _is_evaluated(record: ExecutionRecord, _home: LocalHome) -> bool:
    try:
        return bool(read_held_out_images(record))
    except LocalError:
        return False


APPROVED_RUN: Final = RunCriterion("is approved", _is_approved)
REGISTERED_RUN: Final = RunCriterion("registered a model", _is_registered)
CAPTURED_RUN: Final = RunCriterion("was captured", _is_captured)
EVALUATED_RUN: Final = RunCriterion("held pictures out", _is_evaluated)
