# SPDX-License-Identifier: MIT-0
"""Runs Preprocess and Evaluate one after the other, with invented scores between them."""

import csv
import json
import shutil
import tarfile
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from local.runners.job_runner import Job, JobOutcome, JobRunner
from local.synthetic.synthetic_archive import write_synthetic_archive
from pipeline_src import contract, gate_thresholds
from pipeline_src.algorithms.algorithm_specification import JOBS_IMAGE

IMAGES: Final = 60
PREPROCESS: Final = ("python", "-m", "pipeline_src.jobs.preprocess", "--image-size", "64")
EVALUATE: Final = (
    *("python", "-m", "pipeline_src.jobs.evaluate", "--melanoma-target-sensitivity", "0.85"),
    *(
        word
        for floor, value in asdict(gate_thresholds.THRESHOLD_PROFILES["demo"]).items()
        for word in (f"--gate-{floor.replace('_', '-')}", str(value))
    ),
)


def archive_in(folder: Path) -> Path:
    """Write a small synthetic archive into `folder`."""
    path = folder / "sample.zip"
    write_synthetic_archive(path, images=IMAGES, seed=7)
    return path


@dataclass(frozen=True)
class Bench:
    """A runner and a folder in which it may work."""

    runner: JobRunner
    folder: Path

    def run(
        self, step: str, *command: str, inputs: dict[str, Path] | None = None
    ) -> tuple[JobOutcome, Path, list[str]]:
        """Run `command` over copies of `inputs`; return its outcome, its /opt/ml and the lines it printed."""
        root = self.folder / step / "opt/ml"
        for name, source in (inputs or {}).items():
            target = root / "processing/input" / name
            if source.is_dir():
                shutil.copytree(source, target)
            else:
                target.mkdir(parents=True)
                shutil.copy(source, target)
        for name in ("output", "processing/output"):
            (root / name).mkdir(parents=True)
        lines: list[str] = []
        job = Job(step, JOBS_IMAGE.local_uri, command, root, self.folder / step / "logs", limit=300)
        return self.runner.run(job, stop=threading.Event(), line=lines.append), root, lines

    def outputs(self, archive: Path) -> Path:
        """Run both jobs on `archive` and return the folder that holds the outputs of both."""
        preprocessed = self._succeed(contract.PREPROCESS_STEP, *PREPROCESS, inputs={contract.ARCHIVE_INPUT: archive})
        scores = _invented_scores(
            preprocessed / contract.DATASET_OUTPUT / contract.MANIFEST_FILE, self.folder / "scores"
        )
        inputs = {name: preprocessed / name for name in (contract.DATASET_OUTPUT, contract.HOLDOUT_OUTPUT)}
        champion = self.folder / "none.json"
        champion.write_text(contract.ABSENT_OBJECT)
        model = self.folder / contract.MODEL_ARTIFACT_FILE
        tarfile.open(model, "w:gz").close()
        inputs |= {contract.SCORES_INPUT: scores, contract.CHAMPION_INPUT: champion, contract.MODEL_INPUT: model}
        evaluated = self._succeed(contract.EVALUATE_STEP, *EVALUATE, inputs=inputs)
        shutil.copytree(evaluated / contract.EVALUATION_OUTPUT, preprocessed / contract.EVALUATION_OUTPUT)
        return preprocessed

    def _succeed(self, step: str, *command: str, inputs: dict[str, Path]) -> Path:
        outcome, root, _ = self.run(step, *command, inputs=inputs)
        log = self.folder / step / "logs/stderr.log"
        assert outcome == JobOutcome(0), log.read_text()
        return root / "processing/output"


def _invented_scores(manifest: Path, folder: Path) -> Path:
    """Write an answer for each holdout image: right for most, by the image's own hash."""
    folder.mkdir()
    for row in csv.DictReader(manifest.read_text().splitlines()):
        if row["split"] == contract.TRAIN:
            continue
        digits = [int(digit, 16) for digit in row["sha256"][: len(contract.CLASS_LABELS)]]
        digits[contract.CLASS_LABELS.index(row["label"])] += 8
        answer = [digit / sum(digits) for digit in digits]
        (folder / f"{row['image_id']}.jpg{contract.SCORE_SUFFIX}").write_text(json.dumps(answer))
    return folder
