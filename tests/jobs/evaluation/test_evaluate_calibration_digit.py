# SPDX-License-Identifier: MIT-0
"""What the calibration says does not depend on the machine that computes it."""

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
# Without these numpy takes other logarithms; where the processor lacks them, it does so anyway.
AVX512 = "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL"
SCRIPT = """
from tests.jobs.evaluation import test_evaluate_calibration as here
print(here.measured(here.honest(499, 1, sharpened=2), here.honest(200, 2, "validation", sharpened=2)))
"""


def test_neither_the_number_of_threads_nor_the_processor_changes_a_digit() -> None:
    machines = (
        {"OPENBLAS_NUM_THREADS": "1", "OPENBLAS_CORETYPE": "Nehalem", "NPY_DISABLE_CPU_FEATURES": AVX512},
        {"OPENBLAS_NUM_THREADS": "2"},
    )
    command = [sys.executable, "-c", SCRIPT]
    runs = [subprocess.check_output(command, cwd=REPOSITORY, env=os.environ | machine) for machine in machines]
    assert b"tempered=Reliability" in runs[0]
    assert runs[0] == runs[1]
