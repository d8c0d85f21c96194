# SPDX-License-Identifier: MIT-0
"""Checks out the commit where a branch left its base, in a temporary worktree."""

import dataclasses
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from review.errors import UsageError

# Hooks of the repository must not run during the checkout.
_GIT: Final = ("git", "-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false")


@dataclasses.dataclass(frozen=True)
class BaseCommit:
    """The commit that a branch is compared with.

    Attributes:
        commit: Full commit id.
        name: Name given by the user.
        is_ancestor: Whether it is an ancestor of the branch; if not, the two have no common history.
    """

    commit: str
    name: str
    is_ancestor: bool = True

    @property
    def label(self) -> str:
        """Return the name and the short id, or only the id if the name is one."""
        return self.commit[:12] if self.commit.startswith(self.name) else f"{self.name} ({self.commit[:12]})"


def find_base_commit(head: Path, base: str) -> BaseCommit:
    """Return the commit where `head` left `base`, a branch (also one that exists only at `origin`), tag or commit.

    Raises:
        UsageError: `head` is not in a git working tree, or `base` is not a commit of its repository.
    """
    if not head.is_dir() or _git_output(head, "rev-parse", "--is-inside-work-tree") != "true":
        raise UsageError(f"--head {str(head)!r}: not a git working tree. Name the folder of a checkout.")
    names = (base, f"origin/{base}")
    commits = [
        _git_output(head, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        for name in names
    ]
    commit = next(filter(None, commits), "")
    if not commit:
        raise UsageError(
            f"--base {base!r}: no such branch, tag or commit, neither here nor at origin. "
            "Fetch it (git fetch origin; in a job, check out with fetch-depth 0), or choose another base."
        )
    ancestor = _git_output(head, "merge-base", commit, "HEAD")
    return BaseCommit(ancestor or commit, base, is_ancestor=bool(ancestor))


@contextmanager
def base_worktree(head: Path, commit: str, folder: Path) -> Iterator[Path]:
    """Check `commit` out into `folder`, yield the directory in it that corresponds to `head`, and remove it afterwards.

    Raises:
        UsageError: git cannot create the worktree.
    """
    created = _git(head, "worktree", "add", "--detach", "--quiet", str(folder), commit)
    try:
        if created.returncode:
            raise UsageError(
                f"worktree of {commit[:12]}: {created.stderr.strip()}. Run `git worktree prune` and rerun."
            )
        yield folder / _git_output(head, "rev-parse", "--show-prefix")
    finally:
        _git(head, "worktree", "remove", "--force", "--force", str(folder))
        shutil.rmtree(folder, ignore_errors=True)
        _git(head, "worktree", "prune")


def _git_output(place: Path, *words: str) -> str:
    result = _git(place, *words)
    return "" if result.returncode else result.stdout.strip()


def _git(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    # A git hook that runs this command sets GIT_DIR and GIT_INDEX_FILE, which refer to another tree.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return subprocess.run(
        [*_GIT, *words], cwd=place, env=environment | {"LC_ALL": "C"}, capture_output=True, text=True, check=False
    )
