# SPDX-License-Identifier: MIT-0
"""A folder that is not writable is reported in one line with exit code 2 by every command."""

import errno
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from local.aws.pipeline_executions import ExecutionRecord
from local.cli.pipeline_commands import main
from tests.local.command.small import Shell


def _is_one_line(result: Result, *parts: str) -> None:
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    (line,) = (line for line in result.stderr.splitlines() if line.startswith("error: "))
    assert result.stderr.endswith(f"{line}\n"), "the error is the last thing that one reads"
    for part in parts:
        assert part in line


def test_a_sample_below_a_file_says_that_a_file_lies_where_a_folder_is_needed(shell: Shell) -> None:
    file = shell.archive()
    result = shell("sample", "--images", "21", file / "z.zip")
    _is_one_line(result, f"{file}: expected a directory, found a file. Use another path")


@pytest.mark.parametrize("command", ["demo", "run", "runs", "show"])
def test_a_home_below_a_file_is_refused_by_every_command(shell: Shell, command: str) -> None:
    file = shell.archive()
    more = ["--archive", str(file), "--definition", str(shell.definition(0.6))] if command == "run" else []
    result = CliRunner().invoke(main, ["--home", str(file / "home"), command, *more])
    if command == "runs":
        assert result.exit_code == 0, "there are no runs, and nothing was to be written"
        return
    _is_one_line(result, str(file))


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EIO])
def test_a_home_that_may_not_be_written_names_it_and_the_cause(
    shell: Shell, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number), str(shell.home / "runs"))

    monkeypatch.setattr(ExecutionRecord, "create", refuse)
    _is_one_line(shell.run(), f"{shell.home / 'runs'}: {os.strerror(number)}. ")


def test_a_home_that_becomes_unwritable_on_the_way_fails_the_step_with_exit_code_2(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = ExecutionRecord.write

    def refuse(record: ExecutionRecord) -> None:
        if record.steps:
            raise PermissionError(errno.EACCES, "Permission denied", "/data/record")
        write(record)

    monkeypatch.setattr(ExecutionRecord, "write", refuse)
    result = shell.run()
    assert result.exit_code == 2
    assert "/data/record: Permission denied. Use a writable path" in result.stdout
    assert "Traceback" not in result.output


def test_a_reader_that_has_gone_is_no_error(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_: Path) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr("local.aws.pipeline_executions.load_executions", gone)
    result = shell("runs")
    assert result.exit_code == 1
    assert "Broken pipe" not in result.output
