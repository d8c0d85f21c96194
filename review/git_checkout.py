# SPDX-License-Identifier: MIT-0
"""The base side: where the branch left its base, checked out beside the working tree and removed afterwards."""

import dataclasses
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from review.errors import UsageError

# A checkout must run nothing of the repository's: no hook.
_GIT: Final = ("git", "-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false")


@dataclasses.dataclass(frozen=True)
class BaseCommit:
    """The commit that a branch is compared with.

    Attributes:
        commit: Its full id.
        name: What the user typed.
        is_ancestor: Whether the branch comes from it; if not, the two have no common history.
    """

    commit: str
    name: str
    is_ancestor: bool = True

    @property
    def label(self) -> str:
        """Return the name and the short id, or the id alone where the name is an id."""
        return self.commit[:12] if self.commit.startswith(self.name) else f"{self.name} ({self.commit[:12]})"


def find_base_commit(head: Path, base: str) -> BaseCommit:
    """Return where `head` left `base`: a branch, a tag or a commit; a branch may exist at `origin` alone.

    Raises:
        UsageError: `head` lies in no git repository, or `base` names no commit of it.
    """
    if not head.is_dir() or _answer(head, "rev-parse", "--is-inside-work-tree") != "true":
        raise UsageError(f"--head {str(head)!r}: no git working tree. Name the folder of a checkout.")
    names = (base, f"origin/{base}")
    commits = [
        _answer(head, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}") for name in names
    ]
    commit = next(filter(None, commits), "")
    if not commit:
        raise UsageError(
            f"--base {base!r}: no such branch, tag or commit here, nor at origin. "
            "Fetch it (git fetch origin; in a job, check out with fetch-depth 0), or name another."
        )
    ancestor = _answer(head, "merge-base", commit, "HEAD")
    return BaseCommit(ancestor or commit, base, is_ancestor=bool(ancestor))


@contextmanager
def base_worktree(head: Path, commit: str, folder: Path) -> Iterator[Path]:
    """Check `commit` out into `folder`, and yield the place in it that corresponds to `head`.

    Raises:
        UsageError: git cannot make the worktree.
    """
    made = _git(head, "worktree", "add", "--detach", "--quiet", str(folder), commit)
    try:
        if made.returncode:
            raise UsageError(f"worktree of {commit[:12]}: {made.stderr.strip()}. Run `git worktree prune`, then again.")
        yield folder / _answer(head, "rev-parse", "--show-prefix")
    finally:
        _git(head, "worktree", "remove", "--force", "--force", str(folder))
        shutil.rmtree(folder, ignore_errors=True)
        _git(head, "worktree", "prune")


def _answer(place: Path, *words: str) -> str:
    done = _git(place, *words)
    return "" if done.returncode else done.stdout.strip()


def _git(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    # A git hook that runs this command sets GIT_DIR and GIT_INDEX_FILE, which would then mean another tree.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return subprocess.run(
        [*_GIT, *words], cwd=place, env=environment | {"LC_ALL": "C"}, capture_output=True, text=True, check=False
    )
