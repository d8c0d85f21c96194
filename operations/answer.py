# SPDX-License-Identifier: MIT-0
"""What an endpoint answers to an image, and the rules that the answer is held to.

Pure functions over plain values: whatever answers, an endpoint or a server on this machine, is held to the same.
Source of the format: SageMaker Developer Guide, image classification, inference. It shows the bare array, and an
object with the array under ``prediction``.
"""

import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from operations.error import SmokeError
from operations.golden import Golden
from pipeline_src import contract

# The serving hardware may differ from that of the evaluation, by which float32 scores differ by about 1e-5.
TOLERANCE: Final = 1e-3
_LABELS: Final = contract.CLASS_LABELS
_SHOWN: Final = 120


@dataclass(frozen=True)
class Answer:
    """One answer.

    Attributes:
        status: Of HTTP.
        content_type: With or without parameters.
        body: What was answered.
    """

    status: int
    content_type: str
    body: bytes


def read(answer: Answer, place: str) -> tuple[float, ...]:
    """Return the seven probabilities of an answer.

    Args:
        answer: What was answered.
        place: Who answered to which image, for messages.

    Raises:
        SmokeError: It is no success, no JSON, or no seven probabilities that add up to 1.
    """
    if answer.status != 200:
        raise SmokeError(f"{place}: answered status {answer.status}: {_short(answer.body)}. Read the container's log.")
    kind = answer.content_type.partition(";")[0].strip().lower()
    if kind != contract.JSON_CONTENT_TYPE:
        raise SmokeError(
            f"{place}: answered content type {answer.content_type!r}, not {contract.JSON_CONTENT_TYPE}. "
            "Is it the built-in image classification's container?"
        )
    return _probabilities(answer.body, place)


def _probabilities(body: bytes, place: str) -> tuple[float, ...]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SmokeError(f"{place}: answered no JSON ({error}): {_short(body)}. Read the container's log.") from None
    values = document.get("prediction") if isinstance(document, dict) else document
    if not isinstance(values, list) or len(values) != len(_LABELS) or not all(map(_is_number, values)):
        raise SmokeError(
            f"{place}: answered {_short(body)}, not {len(_LABELS)} numbers, one for each of {', '.join(_LABELS)}. "
            "Was the model trained on other classes?"
        )
    for label, value in zip(_LABELS, values, strict=True):
        if not 0 <= value <= 1:  # False for NaN, too
            raise SmokeError(f"{place}: {label}: answered {value}, which is no probability. Retrain the model.")
    if abs(math.fsum(values) - 1) > TOLERANCE:
        raise SmokeError(f"{place}: the scores add up to {math.fsum(values):.6g}, not 1. Is the model a softmax?")
    return tuple(map(float, values))


def agreement(pairs: Sequence[tuple[Golden, tuple[float, ...]]], place: str) -> float:
    """Return by how much the answers differ from the evaluation at most.

    Args:
        pairs: Each image, and the scores that were answered to it.
        place: Who answered, for messages.

    Raises:
        SmokeError: It is more than `TOLERANCE`; where another order of the labels explains all, that is named.
    """
    differences = [
        (abs(got - wanted), golden, label, got, wanted)
        for golden, scores in pairs
        for label, got, wanted in zip(_LABELS, scores, golden.scores, strict=True)
    ]
    largest, golden, label, got, wanted = max(differences, key=lambda difference: difference[0])
    if largest <= TOLERANCE:
        return largest
    order = permutation(pairs)
    if order:
        raise SmokeError(
            f"{place}: the scores are right but in the order {', '.join(order)}, not {', '.join(_LABELS)}. "
            "Align the label order of training and serving with contract.py, and retrain."
        )
    raise SmokeError(
        f"{place}: image {golden.image_id} ({golden.label}): {label}: answered {got:.4f}, the evaluation has "
        f"{wanted:.4f}: they differ by {largest:.1e}, more than {TOLERANCE:.0e}. It serves another model, or the "
        "picture was changed: deliver the package that was evaluated, or retrain."
    )


def permutation(pairs: Sequence[tuple[Golden, tuple[float, ...]]]) -> tuple[str, ...]:
    """Return the order of labels that makes the answers those of the evaluation; empty if none does.

    Of several orders, as where classes have equal scores, it is the one that moves the fewest labels.
    """
    positions = range(len(_LABELS))
    fits = [[_fits(pairs, position, label) for label in positions] for position in positions]
    orders = [
        order
        for order in itertools.permutations(positions)
        if all(fits[position][label] for position, label in enumerate(order))
    ]
    moved = [sum(1 for position, label in enumerate(order) if position != label) for order in orders]
    return tuple(_LABELS[label] for label in orders[moved.index(min(moved))]) if orders else ()


def _fits(pairs: Sequence[tuple[Golden, tuple[float, ...]]], position: int, label: int) -> bool:
    """Return whether what stands at `position` of each answer is the evaluation's score of that label."""
    return all(abs(scores[position] - golden.scores[label]) <= TOLERANCE for golden, scores in pairs)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(body: bytes) -> str:
    text = body.decode(errors="replace").strip()
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
