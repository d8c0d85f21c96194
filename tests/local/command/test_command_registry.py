# SPDX-License-Identifier: MIT-0
"""``runs``, ``show``, ``approve``, ``reject``, ``serve``."""

import errno
import re
import socket
from contextlib import closing

import pytest
from click.testing import CliRunner

from local.console.command_frame import CommandGroup
from tests.local.command.small import Shell


@pytest.fixture
def ran(shell: Shell) -> str:
    """The id of a run that registered a model."""
    assert shell.run("--quiet").exit_code == 0
    return shell.run_id()


def test_without_runs_it_says_how_to_start_one(shell: Shell) -> None:
    result = shell("runs")
    assert result.exit_code == 0
    assert "-m local demo" in result.stdout


def test_runs_lists_each_run_on_one_line_with_its_outcome_metrics_and_model(shell: Shell, ran: str) -> None:
    shell.run("--quiet", got=0.4)
    lines = shell("runs").stdout.splitlines()
    assert len(lines) == 3
    assert re.search(rf"{ran} .* passed +0\.6000 +0\.8000 .* 1 pending", lines[1])
    assert re.search(r"rejected +0\.4000 +0\.8000 .* none", lines[2])


def test_show_prints_the_summary_again(shell: Shell, ran: str) -> None:
    for name in (ran, ran[:6], "latest"):
        result = shell("show", name)
        assert result.exit_code == 0
        assert f"Run {ran}" in result.stdout
        assert "Gate: pass" in result.stdout


def test_an_unknown_run_is_exit_code_2_and_says_which_there_are(shell: Shell, ran: str) -> None:
    for verb in ("show", "approve", "reject", "serve"):
        result = shell(verb, "nosuchrun")
        assert result.exit_code == 2
        assert ran in result.stderr


def test_approving_and_rejecting_undo_each_other(shell: Shell, ran: str) -> None:
    approved = shell("approve", ran, "--description", "looked at the report")
    assert approved.exit_code == 0
    assert "model-package/small/1 is Approved" in approved.stdout
    assert f"-m local serve {ran}" in approved.stdout
    assert f"-m local serve {ran}" in shell("show", ran).stdout
    assert "looked at the report" in (shell.home / "registry/small/1.json").read_text()
    twice = shell("approve", ran)
    assert twice.exit_code == 0
    assert "is Approved" in twice.stdout
    assert "looked at the report" in (shell.home / "registry/small/1.json").read_text()
    rejected = shell("reject", ran)
    assert rejected.exit_code == 0
    assert f"-m local approve {ran}" in rejected.stdout
    assert "1 rejected" in shell("runs").stdout


def test_a_run_that_registered_nothing_has_nothing_to_approve(shell: Shell) -> None:
    shell.run("--quiet", got=0.4)
    for verb in ("approve", "reject", "serve"):
        result = shell(verb, "latest")
        assert result.exit_code == 2
        assert "no model was registered (Failed)" in result.stderr


def test_a_model_that_nobody_approved_is_not_served_and_it_says_how_to_approve_it(shell: Shell, ran: str) -> None:
    result = shell("serve", ran)
    assert result.exit_code == 2
    assert "it is PendingManualApproval, and only approved models are served" in result.stderr
    assert f"-m local approve {ran}" in result.stderr


def test_a_taken_port_is_exit_code_2(shell: Shell, ran: str) -> None:
    shell("approve", ran)
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        result = shell("serve", ran, "--port", str(port))
    assert result.exit_code == 2
    assert f"port {port}" in result.stderr
    assert f"--port {port + 1}" in result.stderr


def test_a_model_that_is_no_longer_there_is_not_served(shell: Shell, ran: str) -> None:
    shell("approve", ran)
    (shell.home / "s3/local-raw/model.tar.gz").unlink()
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port = probe.getsockname()[1]
    result = shell("serve", ran, "--port", str(port))
    assert result.exit_code == 2
    assert "s3://local-raw/model.tar.gz: the model is no longer in" in result.stderr


def test_a_sample_too_small_for_all_classes_is_exit_code_2_and_leaves_nothing(shell: Shell) -> None:
    path = shell.home.parent / "out.zip"
    result = shell("sample", "--images", "3", path)
    assert result.exit_code == 2
    assert "images 3" in result.stderr
    assert not path.exists()


def test_a_full_disk_outside_of_the_steps_is_exit_code_2_with_one_line() -> None:
    group = CommandGroup()

    @group.command()
    def fill() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/data/file")

    result = CliRunner().invoke(group, ["fill"])
    assert result.exit_code == 2
    assert (
        result.stderr
        == "error: /data/file: the disk is full. Free some space and run again: finished steps are reused.\n"
    )


def test_ctrl_c_outside_of_the_steps_is_exit_code_130() -> None:
    group = CommandGroup()

    @group.command()
    def interrupt() -> None:
        raise KeyboardInterrupt

    assert CliRunner().invoke(group, ["interrupt"]).exit_code == 130
