# SPDX-License-Identifier: MIT-0
"""The command compares the working tree with the commit where it left its base, and removes its worktree."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from review.markdown_report import MARKER
from tests.review import repository
from tests.review.repository import ROOT, STAND_IN, Repository
from tests.review.template import assembly, bucket

BROKEN = 'import sys\nsys.exit(f"{__file__}: no such bucket")\n'


@pytest.fixture
def branch(tmp_path: Path) -> Repository:
    """A repository whose base has one bucket, called by the context."""
    made = repository.create(tmp_path / "repository")
    made.write("app.py", STAND_IN)
    assembly(made.place / "assembly", {"Stack": {"Raw": bucket(BucketName="NAME")}})
    made.commit()
    return made


def edit(branch: Repository, *, name: str) -> None:
    shutil.rmtree(branch.place / "assembly")
    assembly(branch.place / "assembly", {"Stack": {"Raw": bucket(BucketName=name)}})


def test_an_unchanged_working_tree_exits_with_0_and_one_sentence(branch: Repository) -> None:
    run = branch.review()
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith(f"{MARKER}\nNeither the infrastructure nor the pipeline changes")
    assert branch.is_clean()


def test_an_uncommitted_change_is_reported_and_exits_with_3(branch: Repository) -> None:
    edit(branch, name="other")
    run = branch.review()
    assert run.returncode == 3
    assert "`BucketName` `unnamed` → `other`" in run.stdout
    assert branch.is_clean()


def test_two_runs_give_the_same_bytes_and_no_path_of_the_machine(branch: Repository) -> None:
    edit(branch, name="other")
    first, second = branch.review(), branch.review()
    assert first.stdout == second.stdout
    assert str(branch.place.parent) not in first.stdout
    assert str(ROOT) not in first.stdout


def test_exit_zero_exits_with_0_although_something_needs_attention(branch: Repository, tmp_path: Path) -> None:
    edit(branch, name="other")
    run = branch.review("--exit-zero", "--output", str(tmp_path / "review.md"))
    assert (run.returncode, run.stdout) == (0, "")
    assert (tmp_path / "review.md").read_text().startswith(MARKER)


def test_later_commits_of_the_base_are_not_compared(branch: Repository) -> None:
    branch.git("checkout", "--quiet", "-b", "topic")
    branch.git("checkout", "--quiet", "main")
    edit(branch, name="later")
    branch.commit()
    branch.git("checkout", "--quiet", "topic")
    assert branch.review().returncode == 0


def test_context_of_the_command_line_applies_to_both_sides_and_overrides_cdk_json(branch: Repository) -> None:
    branch.write("cdk.json", json.dumps({"context": {"name": "from-a-file"}}))
    assert "`unnamed` → `from-a-file`" in branch.review().stdout
    assert branch.review("--context", "name=given").returncode == 0


def test_credentials_and_modules_of_the_user_do_not_reach_the_apps(branch: Repository) -> None:
    assert branch.review(AWS_ACCESS_KEY_ID="key", PYTHONPATH="elsewhere").returncode == 0


def test_with_a_base_without_an_app_everything_is_an_addition(tmp_path: Path) -> None:
    made = repository.create(tmp_path / "repository")
    made.commit()
    made.write("app.py", STAND_IN)
    assembly(made.place / "assembly", {"Stack": {"Raw": bucket()}})
    run = made.review()
    assert run.returncode == 0
    assert "The base has no app.py yet, so everything here is an addition." in run.stdout
    assert "| added | `Stack/Raw` |" in run.stdout


@pytest.mark.parametrize("side", ["base", "head"])
def test_a_failed_synthesis_is_reported_with_its_side_and_last_lines(
    branch: Repository, tmp_path: Path, side: str
) -> None:
    branch.write("app.py", BROKEN)
    if side == "base":
        branch.commit()
        branch.write("app.py", STAND_IN)
    run = branch.review("--output", str(tmp_path / "review.md"))
    assert run.returncode == 2
    assert run.stderr.startswith(f"error: {side}: `python app.py` ended with 1")
    assert "    app.py: no such bucket" in run.stderr.replace("./", "")
    assert str(tmp_path) not in run.stderr
    assert (
        (tmp_path / "review.md")
        .read_text()
        .startswith(f"{MARKER}\n## Infrastructure and pipeline: could not be compared")
    )
    assert branch.is_clean()


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (("--base", "nowhere"), "--base 'nowhere': no such branch, tag or commit"),
        (("--base", "--help=x"), "no such branch, tag or commit"),
        (("--context", "name"), "--context 'name': expected KEY=VALUE"),
        (("--head", "/"), "--head '/': not a git working tree"),
    ],
)
def test_an_invalid_argument_exits_with_2_and_a_remedy(branch: Repository, words: tuple[str, ...], cause: str) -> None:
    run = branch.review(*words)
    assert run.returncode == 2
    assert cause in run.stderr
    assert "Traceback" not in run.stderr


def test_a_working_tree_without_an_app_exits_with_2(branch: Repository) -> None:
    (branch.place / "app.py").unlink()
    run = branch.review()
    assert run.returncode == 2
    assert "head: app.py not found" in run.stderr
    assert branch.is_clean()


def test_unrelated_histories_are_compared_in_their_current_state(branch: Repository) -> None:
    branch.git("checkout", "--quiet", "--orphan", "island")
    edit(branch, name="other")
    branch.commit()
    run = branch.review()
    assert run.returncode == 3
    assert "no common history" in run.stdout


def test_a_changed_lock_file_gives_a_remark(branch: Repository) -> None:
    branch.write("requirements.txt", "aws-cdk-lib==0")
    assert "requirements.txt differs" in branch.review().stdout


def test_a_command_that_is_stopped_removes_its_worktree(branch: Repository) -> None:
    branch.write("app.py", "import pathlib, time\npathlib.Path('started').touch()\ntime.sleep(60)\n")
    branch.temporary.mkdir()
    command = [sys.executable, "-m", "review", "--head", str(branch.place)]
    variables = {"TMPDIR": str(branch.temporary), "PATH": "/usr/bin:/bin"}
    process = subprocess.Popen(command, cwd=ROOT, env=variables, stderr=subprocess.DEVNULL)
    for _ in range(200):
        if (branch.place / "started").exists():
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 130
    assert branch.is_clean()
