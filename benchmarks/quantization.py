# SPDX-License-Identifier: MIT-0
"""Compares a trained model with its int8 forms: ``python -m benchmarks.quantization RUN [--images 1000]``.

RUN is the folder of a local run whose algorithm writes ONNX, ``.local/s3/local-runs/runs/ID``. ONNX Runtime quantizes
the classifier, without its class maps: one scale a channel for weights, ranges of activations from 128 training images.
Each held-out image is then answered by both models in turn, with one thread. Printed are the ratio of the CPU times
of such a pair (median), the share of images whose most probable class changes, and the largest change of a probability.
Decision 0028 has the results.
"""

import argparse
import contextlib
import os
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime import quantization
from onnxruntime.quantization.shape_inference import quant_pre_process

from pipeline_src import contract
from pipeline_src.algorithms import model_archive
from pipeline_src.algorithms.serving.image_predictor import single_thread_session
from pipeline_src.algorithms.serving.onnx_artifact import INPUT_NAME, OUTPUT_NAME
from pipeline_src.dataset import image_codec, recordio_format

_UNSIGNED, _SIGNED = quantization.QuantType.QUInt8, quantization.QuantType.QInt8
_PERCENTILE: Final = quantization.CalibrationMethod.Percentile
# Without VNNI, products of eight bits by eight are added up in 16 bits and may overflow; weights of seven bits do not.
_SEVEN_BITS: Final = {"activation_type": _UNSIGNED, "weight_type": _SIGNED, "reduce_range": True}
FORMS: Final = MappingProxyType(
    {
        "int8 activations, int8 weights": {"activation_type": _SIGNED, "weight_type": _SIGNED},
        "uint8 activations, int8 weights": {"activation_type": _UNSIGNED, "weight_type": _SIGNED},
        "uint8, weights of 7 bits": _SEVEN_BITS,
        "the same, percentile 99.99": _SEVEN_BITS
        | {"calibrate_method": _PERCENTILE, "extra_options": {"CalibPercentile": 99.99}},
        "the same, first 4 blocks float32": _SEVEN_BITS | {"float32": r"planes|_conv_stem|_blocks\.[0-3]\b"},
        "the same, first 6 blocks float32": _SEVEN_BITS | {"float32": r"planes|_conv_stem|_blocks\.[0-5]\b"},
    }
)
_RANGE_IMAGES: Final = 128

Pixels = Sequence[NDArray[np.uint8]]


def main() -> None:
    """Measure each form and print a line."""
    parser = argparse.ArgumentParser(prog="benchmarks.quantization", description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a local run")
    parser.add_argument("--images", type=int, default=1000, help="held-out images at most (default: %(default)s)")
    given = parser.parse_args()
    artifacts = [*given.run.glob(f"train/model/*/output/{contract.MODEL_ARTIFACT_FILE}")]
    records = [*given.run.glob(f"preprocess/train/*{contract.RECORDS_SUFFIX}")]
    found = model_archive.read_model_archive(artifacts[0]).model if artifacts and records else None
    if found is None:
        parser.error(f"{given.run}: no images or no ONNX model. Give a run that did Preprocess and trained one.")
    model, manifest = found
    encoded = dict.fromkeys(record.image for record in recordio_format.read_image_records(records[0]))
    tested = [file.read_bytes() for file in sorted((given.run / "preprocess/holdout").iterdir())]
    training, testing = (
        [image_codec.decode_square(data, "image", manifest.image_size) for data in images[:: -(-len(images) // count)]]
        for images, count in ((list(encoded), _RANGE_IMAGES), (tested, given.images))
    )
    print(f"{manifest.algorithm}, {manifest.image_size} pixels: {len(training)} for ranges, {len(testing)} held out")
    with tempfile.TemporaryDirectory() as folder:
        classifier = Path(folder) / "float32.onnx"
        answering = onnx.utils.Extractor(onnx.load_from_string(model)).extract_model([INPUT_NAME], [OUTPUT_NAME])
        quant_pre_process(answering, classifier, skip_symbolic_shape=True)  # folds batch norms
        for name, options in FORMS.items():
            print(f"{name:33} {_compare(classifier, training, testing, **options)}", flush=True)


def _compare(classifier: Path, training: Pixels, testing: Pixels, *, float32: str = "", **options: Any) -> str:  # noqa: ANN401  of many types
    """Return the figures of one form, in which the nodes that match `float32` stay as they are."""
    quantized = classifier.with_name("int8.onnx")
    nodes = [node.name for node in onnx.load(classifier).graph.node]
    kept = [name for name in nodes if float32 and re.match(float32, name)]
    images = _Images(training)
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):  # it prints its progress
        quantization.quantize_static(classifier, quantized, images, per_channel=True, nodes_to_exclude=kept, **options)
    sessions = [single_thread_session(path.read_bytes()) for path in (classifier, quantized)]
    answers, times = np.empty((len(testing), 2, len(contract.CLASS_LABELS))), np.empty((len(testing), 2))
    for number, pixels in enumerate(testing):
        for form, session in enumerate(sessions):
            started = time.thread_time()
            answers[number, form] = session.run([OUTPUT_NAME], {INPUT_NAME: pixels[None]})[0][0]
            times[number, form] = time.thread_time() - started
    before, after = answers.argmax(axis=2).T
    changed, largest = int((before != after).sum()), np.abs(answers[:, 0] - answers[:, 1]).max()
    (plain, small), ratio = np.median(times, axis=0) * 1e3, np.median(times[:, 0] / times[:, 1])
    return (
        f"{ratio:.2f} times as fast ({plain:.1f} and {small:.1f} ms); {changed} changed ({changed / len(testing):.2%}),"
        f" a probability by {largest:.2f}"
    )


class _Images(quantization.CalibrationDataReader):  # type: ignore[misc]  # untyped library
    """The images whose activations give the ranges, one after the other."""

    def __init__(self, images: Pixels) -> None:
        self._left: Iterator[NDArray[np.uint8]] = iter(images)

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """Return the input of the next image; None after the last one."""
        pixels = next(self._left, None)
        return None if pixels is None else {INPUT_NAME: pixels[None]}


if __name__ == "__main__":
    main()
