# SPDX-License-Identifier: MIT-0
"""The commit that a run records as SourceCommit."""

import subprocess
from pathlib import Path

from local.cli import pipeline_run
from local.runners.job_runner import REPOSITORY
from pipeline_src import contract
from tests.local.command.small import Shell


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false")
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def test_the_commit_is_told_in_full_and_with_dirty_where_tracked_files_differ_from_it(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    assert pipeline_run.current_commit(tmp_path) is None, "there is none yet"
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "--quiet", "--message", "one")
    git(tmp_path, "tag", "--annotate", "--message", "named", "v1")
    head = git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "untracked").touch()
    assert pipeline_run.current_commit(tmp_path) == head
    (tmp_path / "file").write_text("two")
    assert pipeline_run.current_commit(tmp_path) == f"{head}-dirty"


def test_a_copy_without_history_is_not_told_the_commit_of_the_repository_around_it(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", "another project's")
    (tmp_path / "copy").mkdir()
    assert pipeline_run.current_commit(tmp_path / "copy") is None


def test_a_run_is_told_the_commit_of_this_repository_where_there_is_one(shell: Shell) -> None:
    shell.run("--quiet", "--until", "Preprocess")
    assert shell.parameter(contract.SOURCE_COMMIT_PARAMETER) == (pipeline_run.current_commit(REPOSITORY) or "unknown")
