# SPDX-License-Identifier: MIT-0
"""The documented tour across algorithms: a model of `linear_probe` is approved, and one of `fine_tuning` challenges it.

`make test-fine-tuning` runs this file, because it needs PyTorch.
"""

import json
from pathlib import Path

from pipeline_src import contract
from pipeline_src.algorithms.algorithm_table import LOCAL_ALGORITHM
from pipeline_src.evaluation.champion_comparison import CHAMPION_COMPARED
from tests.documented_commands import read_blocks
from tests.loop.home import ROOT, Loop
from tests.loop.test_documented_commands import JUDGED, Desk

PAGE = Path("docs/algorithms.md")


def test_a_model_of_one_algorithm_challenges_an_approved_one_of_another(loop: Loop, tmp_path: Path) -> None:
    desk = Desk(loop, tmp_path)
    (tour,) = (block for block in read_blocks({PAGE: (ROOT / PAGE).read_text()}) if block.needs_pytorch)
    for line in tour.lines:
        done = desk.run(line.text)
        allowed = {0, 1} if JUDGED.search(line.text) else {line.exit_code}
        assert done.returncode in allowed, done.stdout + done.stderr

    steps = loop.home.steps()
    assert {steps[name]["StepStatus"] for name in ("Train", "Score", "Evaluate", "Gate")} == {"Succeeded"}
    measured = json.loads(loop.home.output("evaluation.json").read_text())
    assert measured["provenance"][contract.ALGORITHM_FACT] == "fine_tuning"
    assert measured["champion"]["status"] == CHAMPION_COMPARED
    assert {LOCAL_ALGORITHM, "fine_tuning"} <= set(done.stdout.split())
