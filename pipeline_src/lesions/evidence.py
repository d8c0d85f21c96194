# SPDX-License-Identifier: MIT-0
"""All files of an evaluation: what a person reads, what the next steps read, and what production is compared with."""

from pathlib import Path

from pipeline_src import contract
from pipeline_src.lesions import evaluation, model_card, prediction, report
from pipeline_src.lesions.drift import baseline
from pipeline_src.lesions.evaluation import Evaluation
from pipeline_src.lesions.prediction import Predictions


def files(found: Evaluation, predictions: Predictions, pictures: Path) -> dict[str, bytes]:
    """Return the files, content by name.

    Args:
        found: what to tell.
        predictions: of all held-out images.
        pictures: the folder of their JPEGs, ``<image_id>.jpg``.
    """
    card, threshold = model_card.text(found), found.melanoma.threshold
    return {
        **report.files(found, pictures),
        **baseline.files(predictions, pictures, threshold),
        contract.PREDICTIONS: prediction.table(predictions, threshold).encode(),
        contract.MODEL_CARD: card.encode(),
        contract.EVALUATION: evaluation.text(found, card).encode(),
    }
