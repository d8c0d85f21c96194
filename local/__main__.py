# SPDX-License-Identifier: MIT-0
"""Command line of the local runner: ``python -m local``."""

from local.cli.pipeline_commands import main

if __name__ == "__main__":
    main(prog_name="python -m local")
