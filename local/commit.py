# SPDX-License-Identifier: MIT-0
"""Which commit of this repository runs here: what the pipeline on AWS is told as SourceCommit."""

import os
import subprocess
from pathlib import Path


def of(repository: Path) -> str | None:
    """Return the commit's id, with ``-dirty`` where tracked files differ from it; None where git cannot say.

    Args:
        repository: its root; a repository around it, in which a copy without history may lie, is not asked.
    """
    command = ["git", f"--git-dir={repository / '.git'}", f"--work-tree={repository}"]
    command += ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    # Looking must not write: another git may be at work in the same place.
    environment = os.environ | {"GIT_OPTIONAL_LOCKS": "0"}
    try:
        found = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return found.stdout.strip() or None if found.returncode == 0 else None
