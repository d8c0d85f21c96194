# SPDX-License-Identifier: MIT-0
"""The Monitor job: what an endpoint captured in, and how it differs from the model's baseline out.

It keeps the contract of a container of one's own for SageMaker Model Monitor and needs nothing of that service: a
plain processing job runs it as well. Exit code 0 if it ran to its end, with violations or without (the message tells
which), `contract.EXIT_BAD_INPUT` if there is no baseline or the labels cannot be read.
"""

import os
import sys

from pipeline_src import contract
from pipeline_src.jobs import failure
from pipeline_src.lesions import workforce
from pipeline_src.lesions.drift import assignment, metric, monitor, outcome


def watch() -> None:
    """Monitor what lies in the input folders below `contract.ml_root()`."""
    wanted = assignment.read(os.environ, contract.ml_root())
    made = monitor.run(wanted, workforce.cores(), _progress)
    monitor.write(made)
    monitor.replace(contract.ml_root() / "output" / "message", made.message)
    embedded = metric.embedded(made)
    if embedded:
        print(embedded, flush=True)
    for line in outcome.lines(made):
        print(line, flush=True)


def _progress(done: int) -> None:
    print(f"{done:,} requests read", flush=True)


if __name__ == "__main__":
    sys.exit(failure.run(watch))
