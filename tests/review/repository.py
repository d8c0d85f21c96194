# SPDX-License-Identifier: MIT-0
"""A git repository with an app, and the review command run on it."""

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
# A stand-in for a CDK app, as a real one takes seconds: it hands out the templates that lie beside it, and
# refuses what would make it depend on the machine.
STAND_IN = """
import json, os, pathlib, shutil
assert "AWS_ACCESS_KEY_ID" not in os.environ and "PYTHONPATH" not in os.environ, "credentials or modules of the user's"
output = pathlib.Path(os.environ["CDK_OUTDIR"])
shutil.copytree("assembly", output, dirs_exist_ok=True)
context = json.loads(os.environ["CDK_CONTEXT_JSON"])
text = (output / "Stack.template.json").read_text().replace("NAME", context.get("name", "unnamed"))
(output / "Stack.template.json").write_text(text)
"""


@dataclasses.dataclass(frozen=True)
class Repository:
    """A repository whose branch `main` is the base, and whose working tree is the head."""

    place: Path

    def git(self, *words: str) -> str:
        identity = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org")
        command = [shutil.which("git") or "git", *identity, *words]
        done = subprocess.run(command, cwd=self.place, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "A state.")

    def write(self, name: str, text: str) -> None:
        (self.place / name).write_text(text)

    @property
    def temporary(self) -> Path:
        """The folder for temporary files of the command alone."""
        return self.place.parent / "temporary"

    def review(self, *words: str, prefix: tuple[str, ...] = (), **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run the command with the least of an environment."""
        self.temporary.mkdir(exist_ok=True)
        known = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        given = known | {"TMPDIR": str(self.temporary)} | variables
        command = [*prefix, sys.executable, "-m", "review", "--head", str(self.place), *words]
        return subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False)

    def is_clean(self) -> bool:
        """Return whether the command left nothing behind: no worktree, no temporary file."""
        return self.git("worktree", "list").count("\n") == 0 and not list(self.temporary.iterdir())


def create(place: Path) -> Repository:
    """Make an empty repository."""
    place.mkdir(parents=True)
    repository = Repository(place)
    repository.git("init", "--quiet", "--initial-branch", "main")
    return repository
