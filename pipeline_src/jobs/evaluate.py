# SPDX-License-Identifier: MIT-0
"""The Evaluate job: reads scores, manifest, model and the champion's predictions; writes report, card and metrics."""

import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline_src import contract, gate_thresholds
from pipeline_src.algorithms import model_archive
from pipeline_src.algorithms.serving.image_predictor import ImagePredictor
from pipeline_src.drift import drift_baseline
from pipeline_src.evaluation import evaluation_json, model_measurement, model_predictions
from pipeline_src.evaluation.evaluation_json import ModelEvaluation
from pipeline_src.evaluation.model_measurement import NotedValues
from pipeline_src.evaluation.model_predictions import Predictions
from pipeline_src.jobs import command_line
from pipeline_src.report import html_report, model_card
from pipeline_src.runtime import job_exit, temporary_files


def evaluation_files(
    found: ModelEvaluation, predictions: Predictions, images: Path, predictor: ImagePredictor | None
) -> dict[str, bytes]:
    """Return all output files, content by name: for people, for the next steps, and for the monitor.

    Args:
        found: the evaluation.
        predictions: predictions of all held-out images.
        images: folder of the held-out images; see `contract.held_out_file`.
        predictor: the model itself, if it can explain its answers.
    """
    card, threshold = model_card.model_card_json(found), found.melanoma.threshold
    return {
        **html_report.report_files(found, images, predictor),
        **drift_baseline.baseline_files(predictions, images, threshold, found.figures.melanoma_sensitivity),
        contract.PREDICTIONS_FILE: model_predictions.predictions_csv(predictions, threshold).encode(),
        contract.MODEL_CARD_FILE: card.encode(),
        contract.EVALUATION_FILE: evaluation_json.evaluation_json_text(found, card).encode(),
    }


def parse_evaluation_options(arguments: Sequence[str]) -> tuple[evaluation_json.EvaluationOptions, NotedValues]:
    """Return the options and the noted values in `arguments`; every threshold is required, without defaults."""
    parser = command_line.JobArgumentParser(prog="evaluate", allow_abbrev=False)
    parser.add_argument("--melanoma-target-sensitivity", type=command_line.positive_fraction, required=True)
    for threshold in gate_thresholds.THRESHOLD_PARAMETERS:
        kind = (
            command_line.whole_number
            if threshold in gate_thresholds.COUNT_THRESHOLDS
            else command_line.non_negative_fraction
        )
        parser.add_argument(f"--gate-{threshold.replace('_', '-')}", dest=threshold, type=kind, required=True)
    parser.add_argument("--champion-package", default=contract.NO_PACKAGE)
    parser.add_argument("--noted", type=command_line.name_value_pair, action="append", default=[], metavar="NAME=VALUE")
    given = parser.parse_args(arguments)
    thresholds = gate_thresholds.GateThresholds(
        **{name: getattr(given, name) for name in gate_thresholds.THRESHOLD_PARAMETERS}
    )
    return evaluation_json.EvaluationOptions(given.melanoma_target_sensitivity, thresholds), NotedValues(
        given.champion_package, dict(given.noted)
    )


def run_evaluation(options: evaluation_json.EvaluationOptions, noted: NotedValues) -> None:
    """Evaluate the content of the input folders below `contract.ml_root()`."""
    inputs = contract.ml_root() / "processing" / "input"
    archive = model_archive.read_model_archive(inputs / contract.MODEL_INPUT / contract.MODEL_ARTIFACT_FILE)
    predictor = None if archive.model is None else ImagePredictor(*archive.model)
    found = model_measurement.read_evaluation_inputs(inputs, noted, archive.history, _progress)
    result = evaluation_json.evaluate_model(found, options)
    files = evaluation_files(result, found.predictions, inputs / contract.HOLDOUT_OUTPUT, predictor)
    outputs = contract.ml_root() / "processing" / "output"
    with temporary_files.atomic_folders({contract.EVALUATION_OUTPUT: outputs / contract.EVALUATION_OUTPUT}) as asides:
        for name, content in files.items():
            (asides[contract.EVALUATION_OUTPUT] / name).write_bytes(content)
    accuracy = evaluation_json.format_metric(result.figures.balanced_accuracy.value)
    print(f"Balanced accuracy {accuracy}. {result.verdict.reason}", flush=True)


def _progress(done: int, total: int) -> None:
    if done % 500 == 0 or done == total:
        print(contract.progress_line(done, total, "scores"), flush=True)


if __name__ == "__main__":
    sys.exit(job_exit.run_job(lambda: run_evaluation(*parse_evaluation_options(sys.argv[1:]))))
