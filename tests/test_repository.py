# SPDX-License-Identifier: MIT-0
"""The house rules that no linter knows."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOCKS = [
    ROOT / "requirements.txt",
    ROOT / "requirements-dev.txt",
    ROOT / "containers/preprocessing/requirements.txt",
    ROOT / "local/builtin_stand_in/requirements.txt",
    ROOT / "requirements-node.txt",
    *sorted(ROOT.glob("tests/requirements-*.txt")),
]


def _files(*patterns: str) -> list[Path]:
    """Return the tracked and the new files that match, as git sees them; ignored ones do not count."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def _functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_function_is_longer_than_60_lines() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in _files("*.py")
        for node in _functions(path)
        if node.end_lineno is not None and node.end_lineno - node.lineno >= 60
    ]
    assert long == []


def test_every_python_file_begins_with_the_licence_line() -> None:
    line = "# SPDX-License-Identifier: MIT-0\n"
    assert [str(p.relative_to(ROOT)) for p in _files("*.py") if not p.read_text().startswith(line)] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_lock_files_pin_every_package_by_hash_and_name_no_registry(lock: Path) -> None:
    text = lock.read_text()
    pins = re.findall(r"^[A-Za-z0-9._-]+(?:\[[^]]*\])?==\S+ (?:; .+ )?\\$", text, re.MULTILINE)
    assert pins
    assert text.count("--hash=sha256:") >= len(pins)
    assert "://" not in text
    assert "index-url" not in text


def test_no_two_environments_disagree_on_a_package_that_draws_the_sample() -> None:
    """The tests of the jobs draw archives too: the same bytes need the same JPEG encoder."""
    pillow = re.compile(r"^pillow==(\S+)", re.MULTILINE)
    versions = {pillow.findall(path.read_text())[0] for path in (LOCKS[0], LOCKS[2])}
    assert len(versions) == 1
