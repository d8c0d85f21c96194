# SPDX-License-Identifier: MIT-0
"""``run``: its output and exit codes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local.runners.job_runner import REPOSITORY
from tests.local.command.small import Shell

REFUSING = """
import os, pathlib, sys
pathlib.Path(os.environ["ML_ROOT"], "output/message").write_text("archive 'x.zip': no metadata. Download it again.")
sys.exit(2)
"""

SLEEPING = """
import os, time
open(os.environ["ML_ROOT"] + "/pid", "w").write(str(os.getpid()))
print("up", flush=True)
time.sleep(60)
"""


def test_a_run_that_registers_is_exit_code_0_and_ends_with_all_that_a_user_wants_to_know(shell: Shell) -> None:
    result = shell.run("--profile", "demo")
    assert result.exit_code == 0, result.output
    run = shell.record()["PipelineExecutionArn"].rpartition("/")[2]
    for text in (
        "profile demo, algorithm linear_probe, scale laptop, runner",
        "Preprocess  succeeded",
        "Register    succeeded",
        "Dataset: 21 images of 15 lesions, source synthetic",
        "warning: class df is thin",
        "balanced accuracy     0.6000  0.5000 to 0.7000     140",
        "melanoma sensitivity  0.8000  0.7000 to 0.9000     140",
        "Champion: absent, none. There is no champion yet.",
        "Gate: pass",
        "model-package/small/1 (PendingManualApproval)",
        "report.html",
        f"-m local approve {run}",
    ):
        assert text in result.stdout, text
    assert "balanced accuracy >= 0.5 0.6 0.5123 to 0.7345 140 met" in " ".join(result.stdout.split())
    assert all(len(line) <= 80 for line in result.stdout.splitlines() if "/" not in line)


def test_a_run_that_the_gate_rejects_is_exit_code_1_and_says_requirement_wanted_and_got(shell: Shell) -> None:
    result = shell.run(got=0.4)
    assert result.exit_code == 1
    assert "Gate: reject" in result.stdout
    rows = [" ".join(line.split()) for line in result.stdout.partition("Gate: ")[2].splitlines()]
    assert rows[:4] == [
        "reject",
        "requirement wanted got 95 % interval n",
        "balanced accuracy >= 0.5 0.4 0.5123 to 0.7345 140 missed",
        "champion melanoma area loss <= 0.5 none 140 no champion",
    ], "what stands in the way comes first"
    assert "test images, df >= 0.5 12 0.5123 to 0.7345 140 met" in rows
    assert "Failed in Reject: balanced_accuracy: wanted at least 0.5, got 0.4" in result.stdout


def test_a_second_run_says_what_it_reused(shell: Shell) -> None:
    shell.run()
    again = shell.run(got=0.7)
    assert "Preprocess  cached" in again.stdout
    assert "Evaluate    succeeded" in again.stdout
    assert "Preprocess: reused from the cache" in again.stderr
    assert "Preprocess  succeeded" in shell.run("--no-cache").stdout


def test_a_job_that_refuses_its_input_is_exit_code_2_and_its_own_message_is_what_one_reads(shell: Shell) -> None:
    result = shell.run(script=REFUSING)
    assert result.exit_code == 2
    assert "Failed in Preprocess: archive 'x.zip': no metadata. Download it again." in result.stdout
    assert "Traceback" not in result.output


def test_a_job_that_breaks_is_exit_code_1_and_names_its_log(shell: Shell) -> None:
    result = shell.run(script="raise ValueError('broken')")
    assert result.exit_code == 1
    assert "ValueError: broken. See " in result.stdout
    assert "Traceback" not in result.output


def test_until_ends_after_that_step_with_exit_code_0(shell: Shell) -> None:
    result = shell.run("--until", "Preprocess")
    assert result.exit_code == 0
    assert [step["StepName"] for step in shell.record()["PipelineExecutionSteps"]] == ["Preprocess"]
    assert "Next      " in result.stdout


def test_quiet_shows_the_summary_alone(shell: Shell) -> None:
    result = shell.run("--quiet")
    assert result.stderr == ""
    assert "Gate: pass" in result.stdout


def test_without_a_terminal_the_log_is_plain_lines(shell: Shell) -> None:
    lines = shell.run().stderr.splitlines()
    assert any(line.endswith("Preprocess: started") for line in lines)
    assert any("Preprocess: Succeeded (" in line for line in lines)
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--parameter", "Epoch=3"], "parameter 'Epoch': no such pipeline parameter. Did you mean 'Epochs'?"),
        (["--parameter", "Epochs=many"], "parameter 'Epochs': 'many' is not a whole number"),
        (["--parameter", "Epochs"], "expected NAME=VALUE"),
        (["--parameter", "InputArchive=s3://a/b"], "both name the archive"),
        (["--until", "Preproces"], "Did you mean 'Preprocess'?"),
        (["--profile", "strict"], "'strict' is not one of"),
        (["--scale", "huge"], "'huge' is not one of"),
        (["--runner", "kubernetes"], "'kubernetes' is not one of"),
        (["--frobnicate"], "No such option"),
    ],
)
def test_bad_usage_is_exit_code_2_and_nothing_is_started(shell: Shell, arguments: list[str], said: str) -> None:
    result = shell.run(*arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert not (shell.home / "runs").exists()
    assert not (shell.home / "s3/local-raw/archives").exists(), "a real archive takes long to hash: not before this"


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "no such file"), (b"", "not a ZIP file"), (b"PK\x03\x04 cut off", "not a ZIP file, or truncated")],
)
def test_an_archive_that_is_none_is_exit_code_2_and_nothing_is_started(
    shell: Shell, content: bytes | None, said: str
) -> None:
    path = shell.home.parent / "bad.zip"
    if content is not None:
        path.write_bytes(content)
    result = shell("run", "--archive", path)
    assert result.exit_code == 2
    assert f"archive {str(path)!r}: {said}" in result.stderr
    assert not shell.home.exists()


def test_without_an_archive_it_says_where_to_get_one(shell: Shell) -> None:
    result = shell("run")
    assert result.exit_code == 2
    assert "--archive PATH" in result.stderr


def test_an_archive_in_the_store_can_be_named_by_its_uri(shell: Shell) -> None:
    shell.run()
    uri = next(item["Value"] for item in shell.record()["PipelineParameters"] if item["Name"] == "InputArchive")
    named = shell("run", "--definition", shell.definition(0.6), "--parameter", f"InputArchive={uri}")
    assert "Preprocess  cached" in named.stdout
    missing = shell("run", "--definition", shell.definition(0.6), "--parameter", "InputArchive=s3://local-raw/none")
    assert missing.exit_code == 2
    assert "s3://local-raw/none: no such object" in missing.stderr


def test_a_definition_that_is_no_json_is_exit_code_2(shell: Shell) -> None:
    path = shell.home.parent / "broken.json"
    path.write_text("{")
    result = shell("run", "--archive", shell.archive(), "--definition", path)
    assert result.exit_code == 2
    assert "broken.json" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_the_job_marks_the_run_stopped_and_is_exit_code_130(shell: Shell, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "local", "--home", shell.home, "run", "--archive", shell.archive()]
    command += ["--definition", shell.definition(0.6, SLEEPING)]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        log = _appears(shell.home, "runs/*/Preprocess/stdout.log")
        pid = int((log.parent / "opt/ml/pid").read_text())
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert "Status    Stopped: stopped by the user" in out
    assert shell.record()["PipelineExecutionStatus"] == "Stopped"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def _appears(home: Path, pattern: str) -> Path:
    """Return the file, once something stands in it."""
    for _ in range(400):
        for path in home.glob(pattern):
            if "latest" not in path.parts and path.stat().st_size:
                return path
        signal.sigtimedwait([], 0.05)
    raise AssertionError(pattern)
