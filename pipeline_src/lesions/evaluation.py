# SPDX-License-Identifier: MIT-0
"""evaluation.json: everything that is known about one model, and the gate's verdict on it."""

import json
from dataclasses import dataclass, fields

from pipeline_src import contract, gate
from pipeline_src.lesions import document
from pipeline_src.lesions.measurement import Measurement, measure
from pipeline_src.lesions.subject import Subject


@dataclass(frozen=True)
class Options:
    """What the evaluation is asked for: the melanoma sensitivity to aim at (above 0), and the gate's floors."""

    melanoma_target_sensitivity: float
    floors: gate.Floors


@dataclass(frozen=True, kw_only=True)
class Evaluation(Measurement):
    """One model's figures and the gate's verdict on them."""

    verdict: gate.Verdict


def evaluate(subject: Subject, options: Options) -> Evaluation:
    """Measure `subject` and let the gate judge the figures."""
    measured = measure(subject, options.melanoma_target_sensitivity)
    verdict = gate.decide(document.judged(measured), options.floors)
    return Evaluation(**{field.name: getattr(measured, field.name) for field in fields(measured)}, verdict=verdict)


def text(evaluation: Evaluation, model_card: str) -> str:
    """Return evaluation.json with the text of the model card; a NaN that slipped in is a defect: ValueError."""
    content = document.content(evaluation, evaluation.verdict) | {contract.MODEL_CARD_PATH: model_card}
    return json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
