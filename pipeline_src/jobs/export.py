# SPDX-License-Identifier: MIT-0
"""The Export job: reads captured requests, confirmed labels and an earlier export; writes an additional archive.

It takes no arguments. Exit code 0 if an archive was written (the message has the counts), `contract.EXIT_BAD_INPUT` if
there was nothing to export or an input could not be read.
"""

import sys

from pipeline_src import contract
from pipeline_src.feedback import export_archive
from pipeline_src.runtime import job_exit, worker_threads


def run_export() -> None:
    """Export from the input folders below `contract.ml_root()`."""
    root = contract.ml_root()
    made = export_archive.export_labelled_images(
        root / "processing" / "input", root / "processing" / "output", worker_threads.available_cores()
    )
    job_exit.write_exit_message(made.message, "message")
    print(made.message, flush=True)


if __name__ == "__main__":
    sys.exit(job_exit.run_job(run_export))
