# SPDX-License-Identifier: MIT-0
"""The base of a pull request is found in real repositories, or the command says what is missing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.review import repository
from tests.review.repository import ROOT, STAND_IN, Repository
from tests.review.template import assembly, bucket

WORKFLOW = ROOT / ".github/workflows/pull-request.yml"


def edit(made: Repository, **names: str) -> None:
    """Write a stack with one bucket each, by logical id and name."""
    shutil.rmtree(made.place / "assembly", ignore_errors=True)
    resources = {id_: bucket(BucketName=name) for id_, name in names.items()}
    assembly(made.place / "assembly", {"Stack": resources})


@pytest.fixture
def merged(tmp_path: Path) -> Repository:
    """A pull request's merge with a base to which somebody else has added in the meantime; `event` is the old base."""
    made = repository.create(tmp_path / "repository")
    made.write("app.py", STAND_IN)
    edit(made, Raw="a", Runs="a")
    made.commit()
    made.git("tag", "event")
    made.git("checkout", "--quiet", "-b", "topic")
    edit(made, Raw="a", Runs="mine")
    made.commit()
    made.git("tag", "topic-head")
    made.git("checkout", "--quiet", "main")
    edit(made, Raw="theirs", Runs="a")
    made.commit()
    edit(made, Raw="theirs", Runs="mine")
    made.git("add", "--all")
    tree = made.git("write-tree")
    made.git("reset", "--quiet", "--hard")
    commit = made.git("commit-tree", tree, "-p", "main", "-p", "topic", "-m", "Merge.")
    made.git("checkout", "--quiet", "--detach", commit)
    return made


def test_of_a_merge_of_the_pull_request_only_its_own_changes_are_told(merged: Repository) -> None:
    head = merged.git("rev-parse", "topic-head")
    run = merged.review("--base", "event", PULL_REQUEST_HEAD=head)
    assert "`a` → `mine`" in run.stdout
    assert "theirs" not in run.stdout
    assert merged.git("rev-parse", "--short=12", "main") in run.stdout
    assert "`a` → `theirs`" in merged.review("--base", "event").stdout


def test_a_branch_that_has_merged_its_base_is_compared_with_the_base(merged: Repository) -> None:
    """Its first parent is the branch itself."""
    merged.git("checkout", "--quiet", "-B", "topic", "topic-head")
    merged.git("merge", "--quiet", "--strategy", "ours", "--no-edit", "main")
    edit(merged, Raw="theirs", Runs="mine")
    merged.commit()
    run = merged.review("--base", "main", "--pull-request-head", merged.git("rev-parse", "HEAD"))
    assert "`a` → `mine`" in run.stdout
    assert "theirs" not in run.stdout


def _shallow(merged: Repository, depth: int) -> Repository:
    place = merged.place.parent / "shallow"
    url = f"file://{merged.place}"
    merged.git("clone", "--quiet", "--depth", str(depth), "--no-single-branch", "--branch", "topic", url, str(place))
    return Repository(place)


def test_a_shallow_clone_without_the_common_commit_is_refused_with_the_remedy(merged: Repository) -> None:
    run = _shallow(merged, 1).review("--base", "main")
    assert run.returncode == 2
    assert "this clone is shallow" in run.stderr
    assert "fetch-depth 0" in run.stderr


def test_a_shallow_clone_that_holds_the_common_commit_is_compared(merged: Repository) -> None:
    run = _shallow(merged, 2).review("--base", "main")
    assert run.returncode == 3, run.stderr
    assert "`a` → `mine`" in run.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a repository to somebody else")
def test_what_git_says_is_shown_with_its_remedy(merged: Repository) -> None:
    for path in (merged.place, merged.place / ".git"):
        os.chown(path, 65534, 65534)
    run = merged.review(HOME=str(merged.place.parent))
    assert run.returncode == 2
    assert "fatal: detected dubious ownership in repository" in run.stderr
    assert "git config --global --add safe.directory" in run.stderr


def test_the_workflow_runs_the_reviewer_of_the_base_on_the_changes_of_the_pull_request(merged: Repository) -> None:
    """The script of the workflow on the merge; the pull request has replaced the reviewer by one that passes all."""
    temporary = merged.place.parent / "runner"
    temporary.mkdir()
    # The base holds this reviewer, the merge another one.
    merged.git("checkout", "--quiet", "--detach", "main")
    shutil.copytree(ROOT / "review", merged.place / "review", ignore=shutil.ignore_patterns("__pycache__"))
    merged.commit()
    base = merged.git("rev-parse", "HEAD")
    merged.git("checkout", "--quiet", "-b", "harmful", base)
    edit(merged, Raw="theirs", Runs="mine")
    merged.write("review/__main__.py", "print('nothing to see')\n")
    merged.commit()
    head = merged.git("rev-parse", "HEAD")
    commit = merged.git("commit-tree", "HEAD^{tree}", "-p", base, "-p", head, "-m", "Merge.")
    merged.git("checkout", "--quiet", "--detach", commit)
    (merged.place / ".venv/app/bin").mkdir(parents=True)
    (merged.place / ".venv/app/bin/python").symlink_to(sys.executable)
    (merged.place / "node_modules").symlink_to(ROOT / "node_modules")
    steps = yaml.safe_load(WORKFLOW.read_text())["jobs"]["review"]["steps"]
    script = next(step["run"] for step in steps if step.get("id") == "compare")
    given = {"BASE_SHA": merged.git("rev-parse", "event"), "HEAD_SHA": head, "RUNNER_TEMP": str(temporary)}
    known = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    subprocess.run(["/bin/bash", "-eo", "pipefail", "-c", script], cwd=merged.place, env=known | given, check=True)
    text = (temporary / "review.md").read_text()
    assert "`a` → `mine`" in text
    assert "theirs" not in text
    assert (
        "code of the reviewer changes: `review/__main__.py`; this text was written by the reviewer of the base" in text
    )
