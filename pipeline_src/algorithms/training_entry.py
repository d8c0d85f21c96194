# SPDX-License-Identifier: MIT-0
"""The command ``train`` of the images that the CDK builds.

It runs the training module of the algorithm that the environment variable `contract.ALGORITHM_VARIABLE` names. The
definition sets the variable, because the request of a tuning can name no command. Several algorithms can so train in
one image.
"""

import os
import runpy
import sys

from pipeline_src import contract
from pipeline_src.algorithms.algorithm_table import find_algorithm
from pipeline_src.runtime import job_exit
from pipeline_src.runtime.errors import BadInputError


def training_module(name: str) -> str:
    """Return the training module of the algorithm `name`.

    Raises:
        BadInputError: There is no such algorithm, or AWS's image trains it.
    """
    try:
        module = find_algorithm(name).training_module
    except ValueError as error:
        raise BadInputError(f"environment variable {contract.ALGORITHM_VARIABLE}: {error}") from error
    if not module:
        raise BadInputError(
            f"environment variable {contract.ALGORITHM_VARIABLE}: {name!r} trains in an image of AWS, not in this one."
        )
    return module


def main() -> int:
    """Run the training and return its exit code."""
    found: list[str] = []
    code = job_exit.run_job(lambda: found.append(training_module(os.environ.get(contract.ALGORITHM_VARIABLE, ""))))
    if found:
        runpy.run_module(found[0], run_name="__main__", alter_sys=True)  # ends the process with the job's exit code
    return code


if __name__ == "__main__":
    sys.exit(main())
