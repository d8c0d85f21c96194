# SPDX-License-Identifier: MIT-0
"""The Compare job: prints the paired differences between two evaluated models on their shared test images, as JSON.

``python -m pipeline_src.jobs.compare FIRST SECOND``: the folders of two evaluations, each with predictions.csv and
evaluation.json. Differences are SECOND minus FIRST; the JSON has the fields of `ChampionComparison`. It trains and
scores nothing.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

from pipeline_src import contract
from pipeline_src.evaluation import champion_comparison, champion_predictions
from pipeline_src.evaluation.champion_comparison import ChampionComparison
from pipeline_src.evaluation.champion_predictions import ChampionPredictions
from pipeline_src.evaluation.model_predictions import HoldoutImage, Predictions
from pipeline_src.runtime import job_exit
from pipeline_src.runtime.errors import BadInputError


def compare_evaluations(first: Path, second: Path) -> ChampionComparison:
    """Return the comparison of the evaluations in two folders, the melanoma calls at each model's own threshold.

    Raises:
        BadInputError: A file is missing or cannot be read.
    """
    before, after = read_evaluated_predictions(first), read_evaluated_predictions(second)
    rows = sorted((name, each) for name, each in after.answers.items() if each.split == contract.TEST)
    test = Predictions(
        tuple(HoldoutImage(name, each.lesion_id, each.label, each.split) for name, each in rows),
        np.array([each.probabilities for _, each in rows]).reshape(-1, len(contract.CLASS_LABELS)),
    )
    threshold = json.loads((second / contract.EVALUATION_FILE).read_bytes())["melanoma"]["threshold"]
    return champion_comparison.compare_with_champion(test, threshold, before, str(first))


def read_evaluated_predictions(folder: Path) -> ChampionPredictions:
    """Return the predictions of the evaluation in `folder`.

    Raises:
        BadInputError: They cannot be used.
    """
    path = folder / contract.PREDICTIONS_FILE
    if not path.is_file():
        raise BadInputError(f"{path}: no such file. Name the folder of an evaluation.")
    found = champion_predictions.read_predictions_file(path)
    if found is None or found.refusal:
        raise BadInputError(f"{path}: {found.refusal if found else 'is empty'}")
    return found


def main() -> None:
    """Compare the folders of the command line."""
    parser = argparse.ArgumentParser(prog="python -m pipeline_src.jobs.compare", description=__doc__)
    parser.add_argument("folders", nargs=2, type=Path, metavar="FOLDER")
    given = parser.parse_args()
    print(json.dumps(asdict(compare_evaluations(*given.folders))), flush=True)


if __name__ == "__main__":
    sys.exit(job_exit.run_job(main))
