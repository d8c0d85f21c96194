# SPDX-License-Identifier: MIT-0
"""Makes the baseline of a monitor run from images of production that a person has accepted, instead of the test images.

A practice has classes, lamps and devices of its own, so that its images may differ from the dataset in ways that were
reviewed and found harmless. An acceptance (`baseline_acceptance`) is for one model: the next one starts from its own
test images.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from pipeline_src import baseline_acceptance
from pipeline_src.baseline_acceptance import Document
from pipeline_src.drift import drift_tests, image_features, window_history
from pipeline_src.drift.capture_window import MeasuredImage
from pipeline_src.drift.drift_baseline import DriftBaseline
from pipeline_src.runtime.errors import BadInputError

_REMEDY: Final = "Delete the folder, and accept a baseline again."


@dataclass(frozen=True)
class AcceptedBaseline:
    """An acceptance.

    Attributes:
        reason: why the images are as they should be.
        by: the person.
        accepted: when, in ISO 8601.
        start, end: the period of the images, in ISO 8601.
        images: the distinct images, in the order of their requests.
    """

    reason: str
    by: str
    accepted: str
    start: str
    end: str
    images: list[MeasuredImage]

    @property
    def statement(self) -> str:
        """The acceptance as a sentence."""
        return (
            f"Compared with {len(self.images):,} images of production from {self.start[:10]} to {self.end[:10]}, "
            f"accepted by {self.by} on {self.accepted[:10]}: {self.reason}"
        )


def read_accepted_baseline(folder: Path) -> AcceptedBaseline | None:
    """Return the acceptance that counts in `folder`; None without one, or if it was undone.

    Raises:
        BadInputError: a file is not an acceptance or its undoing.
    """
    try:
        documents = [json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))]
        standing = baseline_acceptance.standing_acceptances(documents)
        return _acceptance(standing[-1]) if standing else None
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise BadInputError(f"{folder}: {error!r}: not accepted baselines of this monitor. {_REMEDY}") from None


def replace_baseline(known: DriftBaseline, accepted: AcceptedBaseline) -> DriftBaseline:
    """Return the baseline `known` with the images of `accepted`, and the constraints as they are."""
    table = np.array([each.row for each in accepted.images])
    design_effect = drift_tests.mix_design_effect(table, drift_tests.image_clusters(accepted.images))
    return replace(
        known,
        values={name: np.sort(table[:, at].astype(np.float64)) for at, name in enumerate(image_features.FEATURE_NAMES)},
        mix=image_features.count_predicted_classes(table),
        images=len(table),
        effective=len(table) / max(1.0, design_effect),
        accepted=accepted.statement,
    )


def _acceptance(document: Document) -> AcceptedBaseline:
    windows = document["windows"]
    images = {each.key: each for window in windows for each in window_history.images_of_document(window)}
    return AcceptedBaseline(
        reason=str(document["reason"]),
        by=str(document["by"]),
        accepted=str(document["time"]),
        start=min(str(window["start"]) for window in windows),
        end=max(str(window["end"]) for window in windows),
        images=sorted(images.values(), key=lambda each: (each.sent, each.key)),
    )
