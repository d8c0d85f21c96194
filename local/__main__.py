# SPDX-License-Identifier: MIT-0
"""Command line of the local runner: ``python -m local``, or ``lesions`` where it is installed."""

import sys
from pathlib import Path

from local.cli.pipeline_commands import main
from local.command_hints import MODULE_COMMAND, PROGRAM


def run_program() -> None:
    """Run the command line under the name by which it was started."""
    main(prog_name=PROGRAM if Path(sys.argv[0]).name == PROGRAM else MODULE_COMMAND)


if __name__ == "__main__":
    run_program()
