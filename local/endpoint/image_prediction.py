# SPDX-License-Identifier: MIT-0
"""Asks a run's model about image files: class names, probabilities, and the decision on melanoma."""

import http.client
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from local import json_files
from local.aws.model_registry import ModelRegistry
from local.aws.pipeline_executions import ExecutionRecord
from local.aws.s3_store import LocalHome
from local.endpoint.model_serving import require_registered_package, served_model
from local.endpoint.traffic_client import TIMEOUT_SECONDS, send_request
from local.errors import UsageError
from local.runners.job_runner import JobRunner
from local.steps.model_server import RunningServer, run_model_server
from pipeline_src import contract
from pipeline_src.class_probabilities import parse_class_probabilities


@dataclass(frozen=True)
class ImagePrediction:
    """The model's answer for one image.

    Attributes:
        image: The file.
        probabilities: In the order of `contract.CLASS_LABELS`.
        threshold: Melanoma probability from which the model calls an image melanoma, as the evaluation chose it on
            validation images and judged it on test images; None if it chose none.
        refusal: Why there is no answer; empty if there is one.
    """

    image: Path
    probabilities: tuple[float, ...]
    threshold: float | None
    refusal: str = ""

    @property
    def label(self) -> str:
        """The most probable class."""
        return contract.CLASS_LABELS[max(range(len(self.probabilities)), key=self.probabilities.__getitem__)]

    @property
    def melanoma(self) -> float:
        """The probability of melanoma."""
        return self.probabilities[contract.CLASS_LABELS.index(contract.MELANOMA)]

    @property
    def is_melanoma(self) -> bool | None:
        """Whether the model calls the image melanoma; None without a threshold."""
        return None if self.threshold is None else self.melanoma >= self.threshold


def melanoma_threshold(record: ExecutionRecord) -> float | None:
    """Return the melanoma threshold of a run's evaluation; None if it has none."""
    folder = record.output_folder(contract.EVALUATE_STEP, contract.EVALUATION_OUTPUT)
    try:
        found = json_files.read_json((folder or Path()) / contract.EVALUATION_FILE)["melanoma"]["threshold"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None if found is None else float(found)


def predict_images(
    record: ExecutionRecord, home: LocalHome, runner: JobRunner, images: Sequence[Path]
) -> Iterator[ImagePrediction]:
    """Serve the run's model, ask it about each image, and yield the answers in their order.

    Raises:
        UsageError: A file does not exist, or the run registered no model.
        StepError: The model server did not start, or went away.
    """
    missing = [image for image in images if not image.is_file()]
    if missing:
        raise UsageError(f"image {str(missing[0])!r}: no such file. Check the path.")
    package = ModelRegistry(home.registry).describe(require_registered_package(record))
    runner.check()
    threshold = melanoma_threshold(record)
    model = served_model(package, home)
    with run_model_server(runner, model, record.path.parent / "predict", threading.Event()) as server:
        for image in images:
            yield _ask(image, threshold, server)


def _ask(image: Path, threshold: float | None, server: RunningServer) -> ImagePrediction:
    headers, remedy = {"Content-Type": contract.IMAGE_CONTENT_TYPE}, f"See {server.stderr}, then run it again."
    with closing(http.client.HTTPConnection(server.host, server.port, timeout=TIMEOUT_SECONDS)) as connection:
        status, body = send_request(
            connection, str(image), "POST", "/invocations", image.read_bytes(), headers, remedy=remedy
        )
    if status != http.client.OK:
        return ImagePrediction(image, (), threshold, body.decode(errors="replace").strip())
    return ImagePrediction(image, parse_class_probabilities(body), threshold)
