# SPDX-License-Identifier: MIT-0
"""One more row in class_labels.py is one more class, from the synthetic archive to the report."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from pipeline_src import contract

ROOT = Path(__file__).parents[2]
ROW = 'DiagnosisClass(label="new", title="new diagnosis", malignant=True, colour="#8B4513", line="-."),\n'
SCRIPT = """
import os, shutil
from pathlib import Path
from local.synthetic.synthetic_archive import write_synthetic_archive
from pipeline_src import contract
from pipeline_src.evaluation import model_predictions
from pipeline_src.jobs import preprocess
from pipeline_src.runtime import job_exit
from tests.jobs.evaluation import case, job

room = case.Room(Path(os.environ["ML_ROOT"]))
write_synthetic_archive(room.root / "processing/input/archive/archive.zip", images=200)
options = preprocess.parse_preprocessing_options([])
assert job_exit.run_job(lambda: preprocess.run_preprocessing(options)) == 0
for name in ("dataset", "holdout"):
    shutil.copytree(room.root / "processing/output" / name, room.root / "processing/input" / name)
room.scores.mkdir()
room.champion.mkdir()
(room.champion / "none.json").write_text(contract.ABSENT_OBJECT)
case.write_archive(room, {})
images = model_predictions.held_out_images(model_predictions.read_manifest_images(room.dataset))
case.write_scores(room, images, case.probabilities(images, skill=3))
assert job.run() == 0
"""


def test_the_classes_of_ham10000_keep_their_positions() -> None:
    """A position is the label in records and the column in scores of every model that was trained before."""
    assert contract.CLASS_LABELS[:7] == ("mel", "nv", "bcc", "akiec", "bkl", "df", "vasc")
    assert [label for label in contract.CLASS_LABELS[:7] if label in contract.MALIGNANT] == ["mel", "bcc", "akiec"]
    assert contract.MELANOMA == "mel"


def test_one_more_row_is_one_more_class_of_both_jobs(tmp_path: Path) -> None:
    for name in ("pipeline_src", "local", "tests/jobs/evaluation"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "tests/class_table.py", tmp_path / "tests")
    table = tmp_path / "pipeline_src/class_labels.py"
    table.write_text(table.read_text().replace(")\nMELANOMA", f"    {ROW})\nMELANOMA"))
    environment = {**os.environ, "ML_ROOT": str(tmp_path / "ml"), "PYTHONPATH": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=tmp_path, env=environment, capture_output=True, check=False
    )
    assert run.returncode == 0, (run.stdout + run.stderr).decode()

    output, labels = tmp_path / "ml/processing/output", [*contract.CLASS_LABELS, "new"]
    card = json.loads((output / "dataset/dataset_card.json").read_bytes())
    assert card["hyperparameters"]["num_classes"] == str(len(labels))
    assert min(card["images"]["by_class_and_split"]["new"].values()) > 0
    evaluation = json.loads((output / "evaluation/evaluation.json").read_bytes())
    assert list(evaluation["per_class"]) == labels
    assert evaluation["per_class"]["new"]["sensitivity"]["value"] > 0
    assert evaluation["balanced_accuracy"]["value"] > 0.5
    report = (output / "evaluation/report.html").read_text()
    assert f"mean of the {len(labels)} classes" in report
    assert "new diagnosis" in report
