# SPDX-License-Identifier: MIT-0
"""The Evaluate job: scores and manifest in, evaluation.json, predictions.csv, report.html and plots out."""

import sys
from collections.abc import Sequence

from pipeline_src import contract, gate
from pipeline_src.jobs import argument, failure
from pipeline_src.lesions import evaluation, holdout, prediction, report, scores, staging


def options(arguments: Sequence[str]) -> evaluation.Options:
    """Return the options that `arguments` give; every floor must be given, so that none is assumed."""
    parser = argument.Parser(prog="evaluate", allow_abbrev=False)
    parser.add_argument("--melanoma-target-sensitivity", type=argument.positive_fraction, required=True)
    parser.add_argument("--gate-balanced-accuracy", type=argument.fraction, required=True)
    parser.add_argument("--gate-melanoma-sensitivity", type=argument.fraction, required=True)
    parser.add_argument("--gate-class-sensitivity", type=argument.fraction, required=True)
    parser.add_argument("--gate-test-images", type=argument.count, required=True)
    given = parser.parse_args(arguments)
    floors = gate.Floors(
        balanced_accuracy=given.gate_balanced_accuracy,
        melanoma_sensitivity=given.gate_melanoma_sensitivity,
        class_sensitivity=given.gate_class_sensitivity,
        test_images=given.gate_test_images,
    )
    return evaluation.Options(given.melanoma_target_sensitivity, floors)


def evaluate(wanted: evaluation.Options) -> None:
    """Evaluate what lies in the input folders below `contract.ml_root()`."""
    inputs = contract.ml_root() / "processing" / "input"
    dataset, pictures = inputs / contract.DATASET_OUTPUT, inputs / contract.HOLDOUT_OUTPUT
    images, card = holdout.read(dataset), evaluation.read_card(dataset)
    answers = scores.read(inputs / contract.SCORES_INPUT, (image.image_id for image in images), _progress)
    predictions = prediction.join(images, answers)
    result = evaluation.evaluate(predictions, card, wanted)
    files = {
        **report.files(result, pictures),
        contract.PREDICTIONS: prediction.table(predictions, result.melanoma.threshold).encode(),
        contract.EVALUATION: evaluation.text(result).encode(),
    }
    outputs = contract.ml_root() / "processing" / "output"
    with staging.aside({contract.EVALUATION_OUTPUT: outputs / contract.EVALUATION_OUTPUT}) as asides:
        for name, content in files.items():
            (asides[contract.EVALUATION_OUTPUT] / name).write_bytes(content)
    print(f"Balanced accuracy {evaluation.figure(result.balanced_accuracy)}. {result.verdict.reason}", flush=True)


def _progress(done: int, total: int) -> None:
    if done % 500 == 0 or done == total:
        print(contract.progress_line(done, total, "scores"), flush=True)


if __name__ == "__main__":
    sys.exit(failure.run(lambda: evaluate(options(sys.argv[1:]))))
