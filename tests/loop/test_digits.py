# SPDX-License-Identifier: MIT-0
"""The loop learns pictures that this project did not draw."""

import json
import subprocess
from pathlib import Path

from pipeline_src import contract
from tests.loop.home import JOBS, ROOT, Home


def test_the_loop_learns_real_scans_of_digits_as_skewed_as_the_lesions(tmp_path: Path) -> None:
    archive = tmp_path / "digits.zip"
    subprocess.run([str(JOBS), "-m", "tests.digits", str(archive)], cwd=ROOT, check=True)
    home = Home(tmp_path / "home")
    result = home.local("run", "--archive", archive, "--profile", "demo", "--parameter", "TestFraction=0.3")
    evaluation = json.loads(home.output(contract.EVALUATION_FILE).read_text())
    assert evaluation["balanced_accuracy"]["value"] >= 0.95, result.stdout
    assert result.returncode == 0, result.stdout + result.stderr
