# SPDX-License-Identifier: MIT-0
"""Generates the lesions, patients and image ids of a synthetic archive, in the proportions of HAM10000.

Source of the counts: Tschandl, Rosendahl, Kittler, "The HAM10000 dataset", Scientific Data 5, 180161 (2018), and its
metadata file. None of its rows is used.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from pipeline_src import contract

METADATA_COLUMNS: Final = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization", "dataset")
DATASET_NAME: Final = "synthetic"  # value of the last column
REAL_IMAGES: Final = {"nv": 6705, "mel": 1113, "bkl": 1099, "bcc": 514, "akiec": 327, "vasc": 142, "df": 115}
REAL_LESIONS: Final = {"nv": 5403, "mel": 614, "bkl": 727, "bcc": 327, "akiec": 228, "vasc": 98, "df": 73}
# A class that HAM10000 does not have is drawn as often as a rare one of it.
_NEW_CLASSES: Final = tuple(label for label in contract.CLASS_LABELS if label not in REAL_IMAGES)
CLASS_IMAGES: Final = REAL_IMAGES | dict.fromkeys(_NEW_CLASSES, 300)
CLASS_LESIONS: Final = REAL_LESIONS | dict.fromkeys(_NEW_CLASSES, 200)
REAL_REPEATS: Final = {2: 1423, 3: 490, 4: 34, 5: 5, 6: 4}  # lesions by number of images, where above one
MINIMUM_PER_CLASS: Final = 3  # images and lesions of each class, so that every split can have one
# Lesions of a class that has as many images. With fewer, training would have one or two lesions of a rare class.
_MINIMUM_LESIONS: Final = 6
_FIRST_IMAGE: Final = 24306  # ISIC_0024306
_FIRST_OFFICIAL: Final = 34524  # ISIC_0034524: the first test image of ISIC 2018 Task 3
_LESION_IDS: Final = 7630
# A stream of random numbers for which every split of the default archive has every class.
_STREAM: Final = 3026
_AGES_MISSING: Final = 57 / 10015
_AGES_ZERO: Final = 39 / 10015
_SITES: Final = {
    "back": 2192, "lower extremity": 2077, "trunk": 1404, "upper extremity": 1118, "abdomen": 1022, "face": 745,
    "chest": 407, "foot": 319, "unknown": 234, "neck": 168, "scalp": 128, "hand": 90, "ear": 56, "genital": 48,
    "acral": 7,
}  # fmt: skip
_CONFIRMATIONS: Final = {
    "nv": ("follow_up", "histo", "consensus", "confocal"),
    "bkl": ("histo", "consensus", "confocal"),
    "vasc": ("consensus", "histo"),
    "df": ("histo", "consensus"),
}  # all other classes were confirmed by histology


@dataclass(frozen=True)
class PlannedImage:
    """An image to draw: its id, the number of its lesion, and its class.

    A copy has the number and the lesion of its original, so that the same image is drawn, and the number of its edit.
    """

    number: int
    image_id: str
    lesion: int
    label: str
    edit: int | None = None


LesionFacts = tuple[str, str, str, str]
MetadataRow = tuple[str, ...]


def images_per_class(images: int) -> dict[str, int]:
    """Return the number of images of each class: the real proportions by largest remainder, with a minimum."""
    total = sum(CLASS_IMAGES.values())
    sizes = {label: max(MINIMUM_PER_CLASS, images * count // total) for label, count in CLASS_IMAGES.items()}
    by_remainder = sorted(CLASS_IMAGES, key=lambda label: images * CLASS_IMAGES[label] % total, reverse=True)
    missing = images - sum(sizes.values())
    for label in by_remainder[: max(0, missing)]:
        sizes[label] += 1
    while sum(sizes.values()) > images:  # because of the minimum; reduce the largest classes
        sizes[max(sizes, key=lambda label: sizes[label])] -= 1
    return sizes


def plan_images(images: int, seed: int, twins: int = 0) -> tuple[list[PlannedImage], bytes]:
    """Return the images to draw, in the order of their ids, and the metadata table, in the order of lesions.

    The last `twins` images are copies of others, each under its own lesion id.
    """
    rng = np.random.default_rng([seed, _STREAM])
    lesion_ids = rng.permutation(max(_LESION_IDS, images * 3 // 4))
    image_ids = rng.permutation(images) + _FIRST_IMAGE
    planned: list[PlannedImage] = []
    rows: list[MetadataRow] = []
    for lesion, (label, count, facts) in enumerate(_generate_lesions(images, rng)):
        for _ in range(count):
            image = PlannedImage(len(planned), f"ISIC_{image_ids[len(planned)]:07d}", lesion, label)
            rows.append((f"HAM_{lesion_ids[lesion]:07d}", image.image_id, label, *facts, DATASET_NAME))
            planned.append(image)
    originals = np.random.default_rng([seed, _STREAM, 1]).permutation(images)
    for copy in range(twins):
        original, image_id = int(originals[copy % images]), f"ISIC_{_FIRST_IMAGE + images + copy:07d}"
        rows.append((f"HAM_{len(lesion_ids) + copy:07d}", image_id, *rows[original][2:]))
        planned.append(replace(planned[original], image_id=image_id, edit=copy))
    return sorted(planned, key=lambda image: image.image_id), _csv_table(rows)


def plan_official_images(images: int, seed: int, taken: Sequence[PlannedImage]) -> tuple[list[PlannedImage], bytes]:
    """Return the images to draw for an official test set in addition to those `taken`, and its ground truth."""
    rng = np.random.default_rng([seed, _STREAM, 2])
    number = max(image.number for image in taken) + 1
    first_id = max(_FIRST_OFFICIAL, _FIRST_IMAGE + len(taken))
    first_lesion = max(image.lesion for image in taken) + 1
    planned: list[PlannedImage] = []
    rows: list[MetadataRow] = []
    for lesion, (label, count, facts) in enumerate(_generate_lesions(images, rng)):
        for _ in range(count):
            image_id = f"ISIC_{first_id + len(planned):07d}"
            planned.append(PlannedImage(number + len(planned), image_id, first_lesion + lesion, label))
            rows.append((f"HAMTEST_{lesion:07d}", image_id, label, *facts, DATASET_NAME))
    return planned, _csv_table(rows)


def _generate_lesions(images: int, rng: np.random.Generator) -> Iterable[tuple[str, int, LesionFacts]]:
    """Yield class, number of images and metadata of each lesion, class by class."""
    for label, size in images_per_class(images).items():
        for count in _lesion_sizes(label, size, rng) if size else ():
            yield label, count, _random_facts(label, rng)


def _csv_table(rows: Iterable[MetadataRow]) -> bytes:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(METADATA_COLUMNS)
    writer.writerows(rows)
    return table.getvalue().encode()


def _lesion_sizes(label: str, images: int, rng: np.random.Generator) -> list[int]:
    """Return the number of images of each lesion of a class with `images` images."""
    lesions = max(min(images, _MINIMUM_LESIONS), round(images * CLASS_LESIONS[label] / CLASS_IMAGES[label]))
    sizes = [1] * lesions
    spare = images - lesions
    odds = np.array(list(REAL_REPEATS.values())) / sum(REAL_REPEATS.values())
    for position in range(lesions):
        more = min(spare, int(rng.choice(list(REAL_REPEATS), p=odds)) - 1)
        sizes[position] += more
        spare -= more
    sizes[0] += spare
    return [int(size) for size in rng.permutation(sizes)]


def _random_facts(label: str, rng: np.random.Generator) -> LesionFacts:
    """Return a lesion's dx_type, age, sex and localization."""
    kinds = _CONFIRMATIONS.get(label, ("histo",))
    age = f"{5 * round(float(np.clip(rng.normal(52, 17), 5, 85)) / 5)}.0"
    sex = ("male", "female")[int(rng.uniform() < 0.455)]
    rare = rng.uniform()
    if rare < _AGES_MISSING:
        age, sex = "", "unknown"
    elif rare < _AGES_MISSING + _AGES_ZERO:
        age, sex = "0.0", "unknown"
    odds = np.array(list(_SITES.values())) / sum(_SITES.values())
    return kinds[int(rng.integers(len(kinds)))], age, sex, str(rng.choice(list(_SITES), p=odds))
