# SPDX-License-Identifier: MIT-0
"""The Export job: captured requests, confirmed labels and an earlier export in, an additional archive out.

It takes no arguments: what is there is what is exported. Exit code 0 if an archive was written (the message has the
counts), `contract.EXIT_BAD_INPUT` if there was nothing to export, or something could not be read.
"""

import sys

from pipeline_src import contract
from pipeline_src.jobs import failure
from pipeline_src.lesions import workforce
from pipeline_src.lesions.addition import export


def take() -> None:
    """Export what lies in the input folders below `contract.ml_root()`."""
    root = contract.ml_root()
    made = export.run(root / "processing" / "input", root / "processing" / "output", workforce.cores())
    failure.leave(made.message, "message")
    print(made.message, flush=True)


if __name__ == "__main__":
    sys.exit(failure.run(take))
