# SPDX-License-Identifier: MIT-0
"""The table of mistakes fits the sources, so that `make mistakes` tries each of them."""

import pytest

from tests.assembly import ROOT
from tests.mutation.mistakes import MISTAKES


@pytest.mark.parametrize(("file", "tests"), MISTAKES)
def test_what_becomes_a_mistake_stands_once_in_its_file(file: str, tests: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    rows = MISTAKES[file, tests]
    assert {name: text.count(old) for name, (old, _) in rows.items()} == dict.fromkeys(rows, 1)
    assert all((ROOT / each).exists() for each in tests.split() if each.startswith("tests/"))
