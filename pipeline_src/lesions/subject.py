# SPDX-License-Identifier: MIT-0
"""What is evaluated: a model's predictions, the dataset's card, the champion's predictions, and how it came to be."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pipeline_src import contract
from pipeline_src.lesions import comparison, holdout, prediction, scores
from pipeline_src.lesions.comparison import Champion
from pipeline_src.lesions.error import BadInputError
from pipeline_src.lesions.prediction import Predictions


class Noted(NamedTuple):
    """What a job is told only to note it: the ARN of the champion's model package, and values by name."""

    champion_package: str = contract.NO_PACKAGE
    values: Mapping[str, str] = {}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is measured, and what is known of it.

    Attributes:
        predictions: of validation, test and official images.
        card: the dataset card, as Preprocess wrote it.
        champion: the predictions of the model in production; None where there is none.
        champion_package: the ARN of its model package, or `contract.NO_PACKAGE`.
        provenance: how the model came to be, by name: commit, image, parameters.
    """

    predictions: Predictions
    card: dict[str, object]
    champion: Champion | None
    champion_package: str
    provenance: Mapping[str, str]


def read(inputs: Path, noted: Noted, progress: Callable[[int, int], None]) -> Subject:
    """Read the folders below `inputs`, one for each input channel, telling `progress` how many scores are read.

    Raises:
        BadInputError: something is missing or cannot be read.
    """
    dataset = inputs / contract.DATASET_OUTPUT
    images, card = holdout.read(dataset), read_card(dataset)
    answers = scores.read(inputs / contract.SCORES_INPUT, (image.image_id for image in images), progress)
    return Subject(
        predictions=prediction.join(images, answers),
        card=card,
        champion=comparison.read(inputs / contract.CHAMPION_INPUT),
        champion_package=noted.champion_package,
        provenance=_provenance(noted, card),
    )


def read_card(folder: Path) -> dict[str, object]:
    """Read the dataset card in `folder`.

    Raises:
        BadInputError: it is not there or is no JSON object.
    """
    path = folder / contract.DATASET_CARD
    try:
        card = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise BadInputError(f"{path}: is not there. Give the evaluation the dataset output of Preprocess.") from None
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{path}: is not JSON: {error}. Run Preprocess again.") from None
    if not isinstance(card, dict):
        raise BadInputError(f"{path}: is no JSON object. Run Preprocess again.")
    return card


def _provenance(noted: Noted, card: Mapping[str, object]) -> dict[str, str]:
    """Return what is known of the model's origin: the commit first, then what the jobs were told."""
    commit = noted.values.get(contract.SOURCE_COMMIT, "unknown")
    preprocessing = card.get("parameters")
    told = {str(name): str(value) for name, value in preprocessing.items()} if isinstance(preprocessing, dict) else {}
    return {contract.SOURCE_COMMIT: commit, contract.CHAMPION_PACKAGE: noted.champion_package, **told, **noted.values}
