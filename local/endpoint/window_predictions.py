# SPDX-License-Identifier: MIT-0
"""Asks the models of runs about confirmed images of production that none of them has learned from.

The images are those of an archive that `export` wrote and that no run trained on. The answers are written as the
predictions.csv and evaluation.json of an evaluation, so that the runs are compared on them as on test images.
"""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.aws.pipeline_executions import ExecutionRecord
from local.aws.s3_store import LocalHome
from local.endpoint import image_prediction
from local.endpoint.image_prediction import ImagePrediction
from local.errors import UsageError
from local.runners.job_runner import JobRunner
from pipeline_src import contract


@dataclass(frozen=True)
class ConfirmedImage:
    """An image of the archive: its file with the SHA-256, its ids, and its confirmed class."""

    path: Path
    sha256: str
    image_id: str
    lesion_id: str
    label: str


@dataclass(frozen=True)
class RunAnswers:
    """What a run's model answered: correct answers, melanomas found at its threshold (None without one), and all."""

    run: str
    correct: int
    melanomas_found: int | None
    melanomas: int


@dataclass(frozen=True)
class WindowPredictions:
    """The folders of predictions and the answers, one a run, and the numbers of images that were used and left out."""

    folders: tuple[Path, ...]
    answers: tuple[RunAnswers, ...]
    used: int
    left_out: int


def write_window_predictions(
    archive: Path, records: Sequence[ExecutionRecord], home: LocalHome, runner: JobRunner, folder: Path
) -> WindowPredictions:
    """Write the predictions of the runs' models for the images of `archive` below `folder`.

    Images that a run has trained on, or chosen its model with, are left out, for all runs.

    Raises:
        UsageError: The archive is none that `export` wrote, all its images were learned from, a run registered no
            model, or a model refuses an image.
        StepError: A model server did not start, or went away.
    """
    learned = {digest for record in records for digest in _learned_images(record)}
    images = list(_read_images(archive, folder / "images"))
    used = [each for each in images if each.sha256 not in learned]
    if not used:
        raise UsageError(
            f"{archive}: all {len(images)} images were learned from by these runs. Give images that were captured"
            " later: export them, and do not train on that archive."
        )
    folders, counts = [], []
    for number, record in enumerate(records):
        target = folder / str(number) / record.execution_id  # a run may be named twice
        target.mkdir(parents=True)
        answers = image_prediction.predict_images(record, home, runner, [each.path for each in used])
        counts.append(_write_evaluation(target, used, list(answers)))
        folders.append(target)
    return WindowPredictions(tuple(folders), tuple(counts), len(used), len(images) - len(used))


def _learned_images(record: ExecutionRecord) -> Iterator[str]:
    """Yield the SHA-256 of the images that trained the run's model, or chose its epoch or threshold."""
    folder = record.output_folder(contract.PREPROCESS_STEP, contract.DATASET_OUTPUT)
    try:
        with ((folder or Path()) / contract.MANIFEST_FILE).open(encoding="utf-8", newline="") as file:
            yield from (row["sha256"] for row in csv.DictReader(file) if row["split"] in contract.LEARNED_SPLITS)
    except (OSError, KeyError) as error:
        raise UsageError(
            f"run {record.execution_id}: the manifest of its dataset cannot be read ({error}), so what it learned from"
            " is unknown. Take another run."
        ) from error


def _read_images(archive: Path, folder: Path) -> Iterator[ConfirmedImage]:
    """Write the images of an additional archive into `folder`, and yield them in the order of its table."""
    folder.mkdir(parents=True)
    try:
        with zipfile.ZipFile(archive) as outer, zipfile.ZipFile(outer.open(contract.ADDITION_IMAGES)) as part:
            table = csv.DictReader(io.StringIO(outer.read(contract.ADDITION_TABLE).decode()))
            entries = {Path(name).stem: name for name in part.namelist()}
            for number, row in enumerate(table):
                name = entries[row["image_id"]]
                data = part.read(name)
                path = folder / f"{number}{Path(name).suffix}"
                path.write_bytes(data)
                digest = hashlib.sha256(data).hexdigest()
                yield ConfirmedImage(path, digest, row["image_id"], row["lesion_id"], row["dx"])
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise UsageError(
            f"{archive}: no archive that `export` wrote ({error}). Name the path that it printed."
        ) from None


def _write_evaluation(folder: Path, images: Sequence[ConfirmedImage], answers: Sequence[ImagePrediction]) -> RunAnswers:
    pairs = list(zip(images, answers, strict=True))
    with (folder / contract.PREDICTIONS_FILE).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(contract.PREDICTION_COLUMNS)
        for image, answer in pairs:
            if answer.refusal:
                raise UsageError(f"image {image.image_id}: the model of {folder.name} refuses it: {answer.refusal}")
            called = "" if answer.is_melanoma is None else int(answer.is_melanoma)
            names = (image.image_id, image.lesion_id, contract.TEST, image.label, answer.label)
            writer.writerow((*names, *map(repr, answer.probabilities), called))
    threshold = answers[0].threshold
    (folder / contract.EVALUATION_FILE).write_text(json.dumps({"melanoma": {"threshold": threshold}}))
    melanomas = [answer for image, answer in pairs if image.label == contract.MELANOMA]
    return RunAnswers(
        folder.name,
        sum(image.label == answer.label for image, answer in pairs),
        None if threshold is None else sum(bool(each.is_melanoma) for each in melanomas),
        len(melanomas),
    )
