# SPDX-License-Identifier: MIT-0
"""Checks, for a warm start, that the earlier model has learned from no image that is held out now.

The rule: every image that the earlier model learned from is in the present training split. The splits are disjoint by
lesion, so no image of a present test lesion was among them. The rule also holds for the models that the earlier one
itself was started from, because it has been applied to each of them, and for any cause: other fractions, a lesion that
moved, a training image that is left out now because it looks like a held-out one. The images of the earlier model's
validation split, which chose its epoch, may not be in a test set now.

Images are known by the SHA-256 of their original bytes, which the manifest of each dataset has.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from pipeline_src import contract
from pipeline_src.runtime.errors import BadInputError

_COLUMNS: Final = ("image_id", "split", "sha256", "repeats")
_NO_MODEL: Final = ".json"  # ends the key of `contract.ABSENT_OBJECT`, and no model's
_LEFT_OUT: Final = "left out of train"
_GONE: Final = "in no archive"
_REASON: Final = (
    "A test could show it what it already knows. Train once without warm start (docs/algorithms.md), and start from"
    " that model from then on."
)


class ManifestImage(NamedTuple):
    """An image of a manifest: its id, the SHA-256 of its bytes in hexadecimal, its place, and whether it is recorded.

    Attributes:
        image_id: Id in the table of the archive.
        sha256: Of the original bytes, hexadecimal.
        place: One of `contract.IMAGE_PLACES`.
        recorded: Whether a channel has records of it; a training image may be left out.
    """

    image_id: str
    sha256: str
    place: str
    recorded: bool

    @property
    def is_trained(self) -> bool:
        """Whether a model learns from it."""
        return self.place == contract.TRAIN and self.recorded


def find_starting_manifest(inputs: Path, model: str) -> Path | None:
    """Return the manifest of the model to start from, in its folder below `inputs`; None without one.

    Args:
        inputs: Folder of the inputs.
        model: URI of the model that Train starts from, or of `contract.ABSENT_OBJECT`; empty without warm start.

    Raises:
        BadInputError: There is a model without a manifest, or a manifest without a model.
    """
    folder = inputs / contract.STARTING_INPUT
    files = sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
    found = [path for path in files if not contract.is_absent_file(path)]
    wanted = bool(model) and not model.endswith(_NO_MODEL)
    if len(found) != wanted:
        names = f"{contract.STARTING_MODEL_PARAMETER} {model!r} and {len(found)} manifests in {folder}"
        raise BadInputError(
            f"parameters: {names}: the images that a model learned from are known by its manifest alone. Give"
            f" {contract.STARTING_MODEL_PARAMETER} and {contract.STARTING_MANIFEST_PARAMETER} of the same model, or"
            " neither."
        )
    return found[0] if wanted else None


def check_starting_manifest(path: Path, present: Iterable[ManifestImage]) -> int:
    """Return how many images the model of the manifest at `path` has learned from, all of which are in train now.

    Args:
        path: The manifest of the model to start from.
        present: The images of the dataset that is being made.

    Raises:
        BadInputError: It has learned from others, or a held-out image chose its epoch; or `path` is no manifest.
    """
    earlier = _read_manifest(path)
    places: dict[str, set[str]] = {}
    for image in present:
        known = image.place != contract.TRAIN or image.recorded
        places.setdefault(image.sha256, set()).add(image.place if known else _LEFT_OUT)
    learned = [image for image in earlier if image.is_trained]
    lost = [image for image in learned if contract.TRAIN not in places.get(image.sha256, set())]
    if lost:
        raise BadInputError(
            f"{path}: of the {len(learned)} images that the model to start from has learned from, {len(lost)} are not"
            f" in the training split now {_where(lost, places)}. {_REASON}"
        )
    chosen = [image for image in earlier if image.place == contract.VALIDATION]
    tested = [image for image in chosen if places.get(image.sha256, set()) & {contract.TEST, contract.OFFICIAL}]
    if tested:
        raise BadInputError(
            f"{path}: of the {len(chosen)} images that chose the epoch of the model to start from, {len(tested)} are in"
            f" a test set now {_where(tested, places)}. {_REASON}"
        )
    return len(learned)


def _where(wrong: list[ManifestImage], places: Mapping[str, set[str]]) -> str:
    found = Counter(place for image in wrong for place in places.get(image.sha256, {_GONE}))
    return f"({', '.join(f'{number} {place}' for place, number in sorted(found.items()))}; first: {wrong[0].image_id})"


def _read_manifest(path: Path) -> list[ManifestImage]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file, strict=True)
            missing = [name for name in _COLUMNS if name not in (rows.fieldnames or ())]
            if missing:
                raise BadInputError(
                    f"{path}: header: missing column {', '.join(missing)}. Give the manifest of the model's dataset."
                )
            return [ManifestImage(row["image_id"], row["sha256"], row["split"], row["repeats"] != "0") for row in rows]
    except (csv.Error, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: no manifest ({error}). Give the manifest of the model's dataset.") from error
