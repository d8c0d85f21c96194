# SPDX-License-Identifier: MIT-0
"""Archives as people have them are read or refused with the true cause, and the upload's check agrees with the job."""

import json
from pathlib import Path

import pytest

from operations.commands import archive_check
from pipeline_src.runtime.errors import BadInputError
from tests.jobs import archives
from tests.jobs.dataset import archive_cases
from tests.jobs.dataset.archive_cases import Case


def test_the_table_has_at_least_120_cases_with_different_names() -> None:
    assert len({case.name for case in archive_cases.CASES}) == len(archive_cases.CASES) >= 120


def _refusal(path: Path) -> str:
    """Return why the check before an upload refuses the archive, or nothing."""
    try:
        archive_check.check_archive_file(path)
    except BadInputError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("case", archive_cases.CASES, ids=lambda case: case.name)
def test_both_doors_say_of_an_archive_what_the_table_says(room: archives.Room, case: Case) -> None:
    data = case.make()
    room.put(data)
    path = room.root / "dataverse_files.zip"
    path.write_bytes(data)
    code, said = room.run("--image-size", "32"), _refusal(path)
    if case.words:
        reason = room.reason()
        assert code == 2
        assert [word for word in case.words if word not in reason] == [], reason
        assert said == (reason if case.early else "")
        assert room.files() == {}
        return
    assert (code, said) == (0, "")
    warnings = json.loads(json.dumps(room.card()["warnings"]))
    assert not case.note or any(case.note in line for line in warnings)
    assert len(room.manifest()) == len(archives.good().rows)
