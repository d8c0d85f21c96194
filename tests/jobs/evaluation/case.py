# SPDX-License-Identifier: MIT-0
"""A small evaluated model without the rest of the pipeline: manifest, card, scores and pictures by formula."""

import csv
import hashlib
import io
import json
import tarfile
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from pipeline_src import contract
from pipeline_src.evaluation.model_predictions import HoldoutImage, Predictions, join_predictions
from tests.class_table import for_every_class

# Test and validation images of each class, skewed like HAM10000.
COUNTS = for_every_class({"mel": 14, "nv": 60, "bcc": 8, "akiec": 6, "bkl": 14, "df": 3, "vasc": 3}, 6)


@dataclass(frozen=True)
class Room:
    """The folders of one Evaluate job, below the folder that stands for /opt/ml."""

    root: Path

    @property
    def dataset(self) -> Path:
        return self.root / "processing/input/dataset"

    @property
    def scores(self) -> Path:
        return self.root / "processing/input/scores"

    @property
    def holdout(self) -> Path:
        return self.root / "processing/input/holdout"

    @property
    def champion(self) -> Path:
        return self.root / "processing/input/champion"

    @property
    def model(self) -> Path:
        return self.root / "processing/input/model/model.tar.gz"

    @property
    def evaluation(self) -> Path:
        return self.root / "processing/output/evaluation"


def images(counts: dict[str, int] | None = None) -> list[HoldoutImage]:
    """Return validation and test images of each class, two images a lesion."""
    listed = []
    for label, number in (COUNTS if counts is None else counts).items():
        for split in (contract.VALIDATION, contract.TEST):
            for index in range(number):
                name = f"ISIC_{label}_{split}_{index:03d}"
                lesion = f"HAM_{label}_{split}_{index // 2}"
                sex, age = ("female", "male")[index // 2 % 2], f"{30 + 5 * (index // 2 % 10)}.0"
                facts = (sex, age, ("back", "face")[index // 2 % 3 == 0], "histo", "synthetic")
                listed.append(HoldoutImage(name, lesion, label, split, *facts))
    return sorted(listed)


def probabilities(listed: list[HoldoutImage], skill: float, seed: int = 7) -> dict[str, tuple[float, ...]]:
    """Return a softmax over noise, plus `skill` for the true class."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(len(listed), len(contract.CLASS_LABELS)))
    for row, image in enumerate(listed):
        logits[row, contract.CLASS_LABELS.index(image.label)] += skill
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return {image.image_id: tuple(row.tolist()) for image, row in zip(listed, softmax, strict=True)}


def predictions(counts: dict[str, int] | None = None, skill: float = 2.5) -> Predictions:
    """Return the joined table of `images`."""
    listed = images(counts)
    return join_predictions(listed, probabilities(listed, skill))


def picture(name: str) -> bytes:
    """Return a small JPEG that differs by name."""
    colour = list(hashlib.sha256(name.encode()).digest()[:3])
    pixels = np.full((90, 120, 3), (190, 200, 230), dtype=np.uint8)
    cv2.circle(pixels, (60, 45), 25, colour, -1)
    return cv2.imencode(".jpg", pixels)[1].tobytes()


def card(listed: list[HoldoutImage], source: str = "synthetic") -> dict[str, object]:
    by_class = {label: sum(image.label == label for image in listed) for label in contract.CLASS_LABELS}
    split = {
        label: {name: sum(image.label == label and image.split == name for image in listed) for name in contract.SPLITS}
        for label in contract.CLASS_LABELS
    }
    total = {"total": len(listed), "by_class": by_class, "by_class_and_split": split}
    return {
        "schema": 1,
        "archive": {"sha256": "ab" * 32, "bytes": 1234},
        "sources": {source: len(listed)},
        "images": total,
        "lesions": total,
        "leakage": {
            "policy": "drop",
            "distance": 6,
            "compared": len(listed),
            "pairs": 0,
            "dropped": [],
            "dropped_for_official_images": 0,
            "leaked_test_images": 0,
            "leaked_official_images": 0,
            "test_images_in_validation": 0,
            "lesions_across_splits": 0,
            "twins": [],
        },
        "parameters": {"ImageSize": "224"},
        "warnings": ["df: only 3 test images. Add images of it."],
    }


def write(room: Room, listed: list[HoldoutImage], answers: dict[str, tuple[float, ...]]) -> None:
    """Write the job's inputs; there is no champion."""
    for folder in (room.dataset, room.scores, room.holdout, room.champion):
        folder.mkdir(parents=True, exist_ok=True)
    with (room.dataset / contract.MANIFEST_FILE).open("w", newline="") as file:
        writer = csv.DictWriter(file, contract.MANIFEST_COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        same = {"sha256": "0" * 64, "bytes": 1}
        writer.writerow(
            same | {"image_id": "ISIC_train", "lesion_id": "HAM_train", "label": "nv", "split": "train", "repeats": 1}
        )
        writer.writerows(same | asdict(image) | {"repeats": 0} for image in listed)
    (room.dataset / contract.DATASET_CARD_FILE).write_text(json.dumps(card(listed)))
    (room.champion / "none.json").write_text(contract.ABSENT_OBJECT)
    write_archive(room, {"image-classification-0012.params": b"of another kind of model"})
    write_scores(room, listed, answers)
    for image in listed:
        (room.holdout / f"{image.image_id}.jpg").write_bytes(picture(image.image_id))


def write_archive(room: Room, files: dict[str, bytes]) -> None:
    """Write the model's archive, with `files` by name."""
    room.model.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(room.model, "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def write_scores(room: Room, listed: list[HoldoutImage], answers: dict[str, tuple[float, ...]]) -> None:
    """Write what the model answered."""
    for image in listed:
        (room.scores / f"{image.image_id}.jpg.out").write_text(json.dumps(answers[image.image_id]))
