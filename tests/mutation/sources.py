# SPDX-License-Identifier: MIT-0
"""A copy of the repository in which sources are made wrong, and the run of tests on it."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent
APP: Final = ROOT / ".venv/app/bin/python"
ENDLESS: Final = 124
JOBS: Final = ROOT / ".venv/jobs-test/bin/python"


def copied(folder: Path) -> list[str]:
    """Copy what git tracks into `folder`, with links to what it ignores and tests need; return the names."""
    command = ["git", "ls-files"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    for name in (".venv", "node_modules"):
        (folder / name).symlink_to(ROOT / name)
    # Some tests ask git for the files.
    for words in (["init", "--quiet"], ["add", "--all"]):
        subprocess.run(["git", *words], cwd=folder, check=True)  # noqa: S607
    return names


def run_tests(python: Path, folder: Path, arguments: list[str], *, limit: float | None = None, **variables: str) -> int:
    """Run pytest on the copy until a test fails; return its exit code, or ENDLESS after `limit` seconds."""
    command = [str(python), "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *arguments]
    environment = os.environ | variables
    try:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False, timeout=limit)
    except subprocess.TimeoutExpired:
        return ENDLESS
    return done.returncode
