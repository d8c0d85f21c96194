# SPDX-License-Identifier: MIT-0
"""The workflow of pull requests: pinned actions, least permissions, and one comment that it updates."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from review.markdown_report import MARKER
from tests.review.repository import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
WORKFLOW = ROOT / ".github/workflows/pull-request.yml"
BODY = f'{MARKER}\n## Title\n\n`$(touch stolen)` "quoted"\n'
# A stand-in for GitHub's command line: it lists the comments that lie beside it and keeps what it is told to write.
GH = """#!/bin/bash
echo "$@" >> calls
case "$*" in *PATCH*|*POST*) cat > body;; *) cat comments.json;; esac
"""
BOT = {"login": "github-actions[bot]"}


def document(path: Path) -> dict[str, Any]:
    # YAML 1.1 reads the key `on` as a truth value.
    read: dict[Any, Any] = yaml.safe_load(path.read_text())
    return {"on" if key is True else key: value for key, value in read.items()}


def jobs() -> dict[str, Any]:
    found: dict[str, Any] = document(WORKFLOW)["jobs"]
    return found


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_by_the_hash_of_a_commit(path: Path) -> None:
    used = re.findall(r"uses: *(\S+)", path.read_text())
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", each) for each in used)


@pytest.mark.parametrize("path", [path for path in WORKFLOWS if path != WORKFLOW], ids=lambda path: path.name)
def test_every_other_workflow_may_read_and_leaves_no_credentials(path: Path) -> None:
    told = document(path)
    assert told["permissions"] == {"contents": "read"}
    assert [name for name, job in told["jobs"].items() if "permissions" in job] == []
    checkouts = [step for job in told["jobs"].values() for step in job["steps"] if "checkout" in step.get("uses", "")]
    assert [step["with"]["persist-credentials"] for step in checkouts] == [False] * len(told["jobs"])


def test_the_code_of_a_pull_request_runs_with_a_token_that_may_only_read() -> None:
    assert document(WORKFLOW)["on"] == "pull_request"
    assert document(WORKFLOW)["permissions"] == {}
    assert {name: job["permissions"] for name, job in jobs().items()} == {
        "checks": {"contents": "read"},
        "review": {"contents": "read"},
        "comment": {"pull-requests": "write"},
    }
    checkouts = [step for job in jobs().values() for step in job["steps"] if "checkout" in step.get("uses", "")]
    assert [step["with"]["persist-credentials"] for step in checkouts] == [False, False]


def test_the_job_that_may_write_runs_no_code_of_the_pull_request_and_not_for_forks() -> None:
    job = jobs()["comment"]
    assert [*job["steps"][0]] == ["name", "env", "run"]
    assert "head.repo.full_name == github.repository" in job["if"]
    assert "github.event.pull_request.head.ref" not in WORKFLOW.read_text()


def test_no_script_holds_an_expression_that_a_pull_request_could_fill() -> None:
    scripts = [step["run"] for job in jobs().values() for step in job["steps"] if "run" in step]
    assert not [script for script in scripts if "${{" in script]


@pytest.mark.parametrize(
    ("comments", "call"),
    [
        ([], "--method POST repos/o/r/issues/7/comments"),
        ([{"id": 5, "user": BOT, "body": f"{MARKER}\nold"}], "--method PATCH repos/o/r/issues/comments/5"),
        ([{"id": 5, "user": {"login": "somebody"}, "body": MARKER}], "--method POST"),
        ([{"id": 5, "user": BOT, "body": "of another workflow"}], "--method POST"),
    ],
    ids=["none", "ours", "somebody else's", "another bot's"],
)
def test_there_is_one_comment_which_is_updated(tmp_path: Path, comments: list[dict[str, Any]], call: str) -> None:
    (tmp_path / "comments.json").write_text(json.dumps([[], comments]))
    (tmp_path / "python3").symlink_to(sys.executable)
    (tmp_path / "gh").write_text(GH)
    (tmp_path / "gh").chmod(0o755)
    given = {"BODY": BODY, "COMMENTS": "repos/o/r/issues/7/comments", "ONE": "repos/o/r/issues/comments"}
    variables = given | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    script = jobs()["comment"]["steps"][0]["run"]
    subprocess.run(["/bin/bash", "-eo", "pipefail", "-c", script], cwd=tmp_path, env=variables, check=True)
    assert call in (tmp_path / "calls").read_text().splitlines()[-1]
    assert (tmp_path / "body").read_text().rstrip() == BODY.rstrip()
    assert not (tmp_path / "stolen").exists()
