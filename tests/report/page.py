# SPDX-License-Identifier: MIT-0
"""Writes the pages to look at: `python -m tests.report.page FOLDER`, in the jobs' environment.

Each is made by the Evaluate job itself, with the floors of the gate's profile `default`, from predictions by formula in
which one problem is planted.
"""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from pipeline_src import contract, gate_thresholds
from pipeline_src.evaluation import model_predictions
from pipeline_src.evaluation.model_predictions import HoldoutImage
from pipeline_src.jobs import evaluate
from tests.jobs.evaluation import case
from tests.report import history_case, monitor_page

COUNTS: Final = {"mel": 120, "nv": 260, "bcc": 80, "akiec": 70, "bkl": 110, "df": 40, "vasc": 40}
THRESHOLD: Final = 0.2  # the champion's own operating point
SKILL: Final = 2.4
NOTED: Final = {
    contract.SOURCE_COMMIT_PARAMETER: "0123abcd" * 5,
    contract.EXECUTION_FACT: "a1b2c3d4e5f6",
    contract.STARTED_FACT: "2026-11-30T21:03:04.000000+00:00",
    contract.ALGORITHM_FACT: "linear_probe",
    "Epochs": "30",
}
Scores = dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class Planted:
    """A page.

    Attributes:
        skill: how far the true class stands out of the noise, by image.
        sureness: what the logits are multiplied by; at 1 and `SKILL` probabilities mean what they say.
        leaks: how many test images have a twin in training.
        champion: the champion's skill; 0 for no champion.
    """

    skill: Callable[[HoldoutImage], float] = lambda _: SKILL
    sureness: float = 1.0
    leaks: int = 0
    champion: float = 0.0


PAGES: Final = {
    "clean": Planted(),
    "weak_subgroup": Planted(skill=lambda image: 0.5 if image.localization == "face" else 3.4),
    "leak": Planted(leaks=3),
    "overconfident": Planted(sureness=6.0, skill=lambda _: 2.0),
    "worse_challenger": Planted(skill=lambda _: 2.0, champion=4.0),
}


def scores(images: list[HoldoutImage], skill: Callable[[HoldoutImage], float], sureness: float, seed: int) -> Scores:
    """Return the softmax that is right for classes which are normal distributions, `SKILL` apart."""
    noise = np.random.default_rng(seed).normal(size=(len(images), len(contract.CLASS_LABELS)))
    return {
        image.image_id: tuple(_probabilities(row, image.label, skill(image), sureness).tolist())
        for image, row in zip(images, noise, strict=True)
    }


def _probabilities(
    noise: npt.NDArray[np.float64], label: str, skill: float, sureness: float
) -> npt.NDArray[np.float64]:
    seen = noise.copy()
    seen[contract.CLASS_LABELS.index(label)] += skill
    logits = SKILL * sureness * seen
    softened: npt.NDArray[np.float64] = np.exp(logits - logits.max())
    return softened / softened.sum()


def write(planted: Planted, folder: Path) -> bytes:
    """Run the job in `folder` and return its report."""
    room, images = case.Room(folder), case.images(COUNTS)
    case.write(room, images, scores(images, planted.skill, planted.sureness, seed=7))
    if planted.champion:
        answers = scores(images, lambda _: planted.champion, 1.0, seed=8)
        (room.champion / "none.json").unlink()
        table = model_predictions.predictions_csv(model_predictions.join_predictions(images, answers), THRESHOLD)
        (room.champion / contract.PREDICTIONS_FILE).write_text(table)
    card = case.card(images, "rosendahl")
    card["leakage"] = audit(images, planted.leaks)
    (room.dataset / contract.DATASET_CARD_FILE).write_text(json.dumps(card))
    os.environ["ML_ROOT"] = str(folder)
    evaluate.run_evaluation(*evaluate.parse_evaluation_options(arguments()))
    return (room.evaluation / contract.REPORT_FILE).read_bytes()


def audit(images: list[HoldoutImage], leaks: int) -> dict[str, object]:
    """Return the audit in the dataset card, with the first `leaks` test images seen in training."""
    tested = [image for image in images if image.split == contract.TEST][:leaks]
    twins = [
        {
            "images": [image.image_id, f"ISIC_train_{number}"],
            "splits": [image.split, contract.TRAIN],
            "labels": [image.label, image.label],
            "distance": number,
            "exact": number == 0,
            "dropped": False,
        }
        for number, image in enumerate(tested)
    ]
    none = dict.fromkeys(("dropped_for_official_images", "leaked_official_images", "test_images_in_validation"), 0)
    same = {"policy": "report", "distance": 6, "compared": len(images), "lesions_across_splits": leaks, "dropped": []}
    return same | none | {"pairs": leaks, "leaked_test_images": leaks, "twins": twins}


def arguments() -> list[str]:
    """Return the job's arguments: what the pipeline passes for the profile `default`."""
    floors = gate_thresholds.THRESHOLD_PROFILES["default"]
    given = {
        f"--gate-{name.replace('_', '-')}": f"{getattr(floors, name)}" for name in gate_thresholds.THRESHOLD_PARAMETERS
    }
    pairs = {"--melanoma-target-sensitivity": "0.85"} | given
    noted = [word for name, value in NOTED.items() for word in ("--noted", f"{name}={value}")]
    return [*(word for pair in pairs.items() for word in pair), *noted]


if __name__ == "__main__":
    for name, planted in PAGES.items():
        place = Path(sys.argv[1])
        (place / f"{name}.html").write_bytes(write(planted, place / name))
    (Path(sys.argv[1]) / "history.html").write_bytes(history_case.write_history(Path(sys.argv[1]) / "history"))
    (Path(sys.argv[1]) / "monitor.html").write_bytes(monitor_page.write_monitor_page(Path(sys.argv[1]) / "monitor"))
