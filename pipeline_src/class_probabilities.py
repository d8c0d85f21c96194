# SPDX-License-Identifier: MIT-0
"""Parses the class probabilities that the container of a model answers, in a file or from an endpoint.

An answer is a JSON array, or an object with the array under ``prediction``. Our model server answers with the array.
Source of both forms: SageMaker Developer Guide, inference of image classification; it shows the array, and the object
for JSON Lines.
"""

import json
import math
from typing import Final

from pipeline_src import contract

# A float32 softmax that was printed as text adds up to 1 within about 1e-6; rounded prints may be this far off.
PROBABILITY_SUM_TOLERANCE: Final = 1e-3
_SHOWN_LENGTH: Final = 120


def parse_class_probabilities(body: bytes) -> tuple[float, ...]:
    """Return the probabilities in `body`, in the order of `contract.CLASS_LABELS`.

    Raises:
        ValueError: `body` is not such an answer; the message says why.
    """
    labels = contract.CLASS_LABELS
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{shorten_body(body)} is not JSON: {error}") from None
    values = answer.get("prediction") if isinstance(answer, dict) else answer
    if not isinstance(values, list) or len(values) != len(labels) or not all(map(_is_number, values)):
        raise ValueError(f"{shorten_body(body)}: not {len(labels)} numbers, one for each of {', '.join(labels)}")
    for label, value in zip(labels, values, strict=True):
        if not 0 <= value <= 1:  # False for NaN, too
            raise ValueError(f"{label}: {value} is not a probability")
    if abs(math.fsum(values) - 1) > PROBABILITY_SUM_TOLERANCE:
        raise ValueError(f"the scores add up to {math.fsum(values):.6g}, not 1: not a softmax")
    return tuple(map(float, values))


def shorten_body(body: bytes) -> str:
    """Return the beginning of `body` for a message."""
    text = body.decode(errors="replace").strip()
    return repr(text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}…")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
