# SPDX-License-Identifier: MIT-0
"""The images that no model trained on, as the manifest of the dataset lists them."""

import csv
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Final

from pipeline_src import contract
from pipeline_src.lesions.error import BadInputError


@dataclass(frozen=True, order=True)
class HoldoutImage:
    """One validation, test or official image; ordered by its id.

    What is known of the patient, and where the image comes from, is text as the table has it; an older manifest does
    not say it.
    """

    image_id: str
    lesion_id: str
    label: str
    split: str
    sex: str = ""
    age: str = ""
    localization: str = ""
    dx_type: str = ""
    source: str = ""


_COLUMNS: Final = tuple(field.name for field in fields(HoldoutImage))
_NEEDED: Final = tuple(field.name for field in fields(HoldoutImage) if field.default is MISSING)


def read(folder: Path) -> list[HoldoutImage]:
    """Read the validation, test and official images out of the manifest in `folder`.

    Args:
        folder: the dataset folder.

    Returns:
        The images, sorted by id.

    Raises:
        BadInputError: there is no manifest, a row is wrong, an image is listed twice, or a lesion lies in two splits,
            in which case the model may have seen what it is tested on.
    """
    path = folder / contract.MANIFEST
    if not path.is_file():
        raise BadInputError(
            f"{folder}: {contract.MANIFEST}: is not there. Give the evaluation the dataset output of Preprocess."
        )
    images = list(_images(path))
    _refuse_duplicates(path, images)
    _refuse_leaks(path, images)
    return sorted(image for image in images if image.split != contract.TRAIN)


def _images(path: Path) -> Iterable[HoldoutImage]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        missing = [name for name in _NEEDED if name not in (rows.fieldnames or ())]
        if missing:
            raise BadInputError(f"{path}: header: has no column {', '.join(missing)}. Run Preprocess again.")
        for row in rows:
            yield _image(row, f"{path}: line {rows.line_num}")


def _image(row: dict[str, str], place: str) -> HoldoutImage:
    image = HoldoutImage(**{name: row.get(name) or "" for name in _COLUMNS})
    if not image.image_id or "/" in image.image_id:
        raise BadInputError(f"{place}: image_id {image.image_id!r}: is no file name. Run Preprocess again.")
    if image.label not in contract.CLASS_LABELS:
        raise BadInputError(f"{place}: label {image.label!r}: is none of {', '.join(contract.CLASS_LABELS)}.")
    if image.split not in contract.PLACES:
        raise BadInputError(f"{place}: split {image.split!r}: is none of {', '.join(contract.PLACES)}.")
    return image


def _refuse_duplicates(path: Path, images: list[HoldoutImage]) -> None:
    seen = set()
    for image in images:
        if image.image_id in seen:
            raise BadInputError(f"{path}: {image.image_id}: is listed twice. Run Preprocess into an empty folder.")
        seen.add(image.image_id)


def _refuse_leaks(path: Path, images: list[HoldoutImage]) -> None:
    splits = defaultdict(set)
    for image in images:
        if image.split == contract.OFFICIAL:
            continue  # a lesion of it that the dataset has too is Preprocess's finding, which the card tells
        splits[image.lesion_id].add(image.split)
        if len(splits[image.lesion_id]) > 1:
            raise BadInputError(
                f"{path}: lesion {image.lesion_id}: lies in more than one split "
                f"({', '.join(sorted(splits[image.lesion_id]))}), so that the model may know it. Run Preprocess again."
            )
