# SPDX-License-Identifier: MIT-0
"""A job's exit code and message survive whatever stands in their way."""

import errno
from pathlib import Path

import pytest

from pipeline_src import contract
from pipeline_src.runtime import job_exit
from pipeline_src.runtime.errors import BadInputError


def _refuse() -> None:
    raise BadInputError("x.zip: not a zip. Give one.")


def test_the_message_is_left_where_training_and_processing_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_ROOT", str(tmp_path))
    assert job_exit.run_job(_refuse) == contract.EXIT_BAD_INPUT
    assert {path.name: path.read_text() for path in (tmp_path / "output").iterdir()} == {
        "failure": "x.zip: not a zip. Give one.",
        "message": "x.zip: not a zip. Give one.",
    }


def test_the_exit_code_stands_even_where_no_message_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "output").write_text("a file where the folder should be")
    monkeypatch.setenv("ML_ROOT", str(tmp_path))
    assert job_exit.run_job(_refuse) == contract.EXIT_BAD_INPUT
    assert "not a zip" in capsys.readouterr().err


@pytest.mark.parametrize("cause", [errno.ENOSPC, errno.EDQUOT])
def test_no_room_on_the_disk_is_for_the_user_to_mend(
    cause: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write() -> None:
        raise OSError(cause, "no room", "/data/train.rec")

    monkeypatch.setenv("ML_ROOT", str(tmp_path))
    assert job_exit.run_job(write) == contract.EXIT_BAD_INPUT
    assert (tmp_path / "output/failure").read_text().startswith("/data/train.rec: the disk is full.")
