# SPDX-License-Identifier: MIT-0
"""Simulated classifiers on the lesions of HAM10000, for the statistics benchmark.

The lesion structure is that of HAM10000's metadata (Tschandl et al., Scientific Data 5, 2018): how many lesions of each
class have how many images in a split made with the shipped key (`lesion_split.split_of_lesion`). No picture and no
training is involved: answers are drawn.

An image has one number for each class: the skill of the model for the true class, plus noise. Half of the variance of
the noise is common to all images of a lesion, and `SHARED` of it to all models, because an image that is hard for one
model is hard for the next. The probabilities are the softmax of the log-likelihood ratios of these numbers, which a
model trained with balanced classes approximates.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from pipeline_src import contract
from pipeline_src.evaluation import classification_metrics
from pipeline_src.evaluation.model_predictions import HoldoutImage, Predictions

Floats = npt.NDArray[np.float64]

# By split and class: the number of lesions that have one image, two images, and so on. The test fraction is 0.20 and
# the validation fraction 0.15, or 0.15 and 0.15.
LESIONS: Final[dict[str, dict[str, tuple[int, ...]]]] = {
    "test 0.20": {
        "mel": (43, 56, 12, 1),
        "nv": (831, 138, 52, 2, 1),
        "bcc": (32, 27, 4),
        "akiec": (30, 18, 5, 1),
        "bkl": (73, 44, 19, 0, 0, 1),
        "df": (7, 7, 2),
        "vasc": (8, 5, 3),
    },
    "test 0.15": {
        "mel": (33, 41, 9),
        "nv": (621, 101, 41, 2, 1),
        "bcc": (24, 19, 3),
        "akiec": (23, 11, 4, 1),
        "bkl": (53, 32, 12, 0, 0, 1),
        "df": (5, 6, 2),
        "vasc": (8, 4, 1),
    },
    "validation": {
        "mel": (38, 35, 11),
        "nv": (677, 92, 35, 4),
        "bcc": (25, 19, 4),
        "akiec": (21, 9, 5, 1),
        "bkl": (64, 35, 4),
        "df": (7, 5),
        "vasc": (13, 5, 1),
    },
}
# Lesions of women in the test split of 0.20; the others count as men's.
WOMEN: Final = {"mel": 43, "nv": 491, "bcc": 24, "akiec": 19, "bkl": 72, "df": 9, "vasc": 5}
# Skill for a class, relative to the model's. A model of balanced accuracy 0.80 then has a melanoma AUC of 0.92, finds
# 0.65 of the melanomas by the most probable class, and has a specificity of 0.77 at a sensitivity of 0.90.
_RELATIVE: Final = {"mel": 0.6, "nv": 1.0, "bcc": 1.2, "akiec": 1.0, "bkl": 0.9, "df": 1.1, "vasc": 1.5}
_WITHIN_LESION: Final = 0.5  # share of the variance of the noise that the images of a lesion have in common
SHARED: Final = 0.85  # share of it that two models have in common
_REFERENCE: Final = 60  # images in the reference sample for each test image


@dataclass(frozen=True)
class SimulatedImages:
    """Images of one split, their true classes (N,), the number of the lesion of each (N,), and women's images (N,)."""

    images: tuple[HoldoutImage, ...]
    truth: npt.NDArray[np.int64]
    lesions: npt.NDArray[np.int64]
    women: npt.NDArray[np.bool_]

    def noise(self, random: np.random.Generator) -> Floats:
        """Return (N, classes) standard normal noise, correlated within a lesion."""
        classes = len(contract.CLASS_LABELS)
        common = random.standard_normal((int(self.lesions.max()) + 1, classes))[self.lesions]
        own = random.standard_normal((len(self.images), classes))
        drawn: Floats = np.sqrt(_WITHIN_LESION) * common + np.sqrt(1 - _WITHIN_LESION) * own
        return drawn


def images_of_split(name: str) -> SimulatedImages:
    """Return the images of one of `LESIONS`; the same ones in every call."""
    random = np.random.default_rng(0)
    split = contract.VALIDATION if name == "validation" else contract.TEST
    images, numbers, women = [], [], []
    lesion = 0
    for label, histogram in LESIONS[name].items():
        sizes = np.repeat(np.arange(1, len(histogram) + 1), histogram)
        female = random.permutation(len(sizes)) < WOMEN[label]
        for size, hers in zip(sizes.tolist(), female.tolist(), strict=True):
            sex = "female" if hers else "male"
            images += [
                HoldoutImage(f"i{lesion}_{number}", f"l{lesion}", label, split, sex=sex) for number in range(size)
            ]
            numbers += [lesion] * size
            women += [hers] * size
            lesion += 1
    truth = np.array([contract.CLASS_LABELS.index(image.label) for image in images])
    return SimulatedImages(tuple(images), truth, np.array(numbers), np.array(women))


def answer_images(truth: npt.NDArray[np.int64], noise: Floats, skill: float | Floats) -> Floats:
    """Return (N, classes) probabilities; `skill` is one number, or one for each image (N,)."""
    relative = np.array([_RELATIVE.get(label, 1.0) for label in contract.CLASS_LABELS])
    distance = np.broadcast_to(skill, truth.shape)[:, np.newaxis] * relative
    seen = noise + distance * classification_metrics.one_hot_labels(truth)
    logits = distance * seen - distance**2 / 2
    logits -= logits.max(axis=1, keepdims=True)
    powered = np.exp(logits)
    answers: Floats = powered / powered.sum(axis=1, keepdims=True)
    return answers


def reference_predictions(name: str, skill: float) -> Predictions:
    """Return answers for many images, each of a lesion of its own, with the class shares of the split `name`.

    Metrics of these are the true values of the metrics of that split.
    """
    counts = [sum((place + 1) * n for place, n in enumerate(LESIONS[name][each])) for each in contract.CLASS_LABELS]
    truth = np.repeat(np.arange(len(counts)), np.array(counts) * _REFERENCE)
    noise = np.random.default_rng(1).standard_normal((truth.size, len(counts)))
    images = tuple(
        HoldoutImage(f"r{row}", f"r{row}", contract.CLASS_LABELS[place], contract.TEST)
        for row, place in enumerate(truth.tolist())
    )
    return Predictions(images, answer_images(truth, noise, skill))


def skill_of_balanced_accuracy(wanted: float) -> float:
    """Return the skill of a model whose true balanced accuracy is `wanted`, to about 0.001."""
    classes = len(contract.CLASS_LABELS)
    truth = np.repeat(np.arange(classes), 4000)
    noise = np.random.default_rng(2).standard_normal((truth.size, classes))
    low, high = 0.0, 6.0
    for _ in range(14):
        middle = (low + high) / 2
        right = answer_images(truth, noise, middle).argmax(axis=1) == truth
        low, high = (middle, high) if right.reshape(classes, -1).mean() < wanted else (low, middle)
    return (low + high) / 2
