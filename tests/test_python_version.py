# SPDX-License-Identifier: MIT-0
"""Application and jobs run on Python 3.11 to 3.13; the stand-in needs 3.11, and make says so."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOCKED = ("requirements.txt", "containers/preprocessing/requirements.txt", "local/builtin_stand_in/requirements.txt")


def interpreter(folder: Path, version: str) -> Path:
    """Return a program that answers make's questions as Python `version` does."""
    path = folder / f"python{version}"
    major_minor = tuple(int(part) for part in version.split("."))
    path.write_text(f'#!/bin/sh\nexec python3 -c "import sys; sys.version_info = {(*major_minor, 0)}; $2"\n')
    path.chmod(0o755)
    return path


def made(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make in a folder with the Makefile and the lock files alone."""
    for name in ("Makefile", *LOCKED):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return subprocess.run(["/usr/bin/make", *arguments], cwd=folder, capture_output=True, text=True, check=False)


def set_up(folder: Path, *environments: str) -> None:
    """Pretend that `environments` are set up, and that uv is there."""
    (folder / ".venv/uv/bin").mkdir(parents=True)
    (folder / ".venv/uv/bin/uv").write_text("#!/bin/sh\necho uv $@\n")
    (folder / ".venv/uv/bin/uv").chmod(0o755)
    for name in environments:
        (folder / ".venv" / name).mkdir()
        (folder / ".venv" / name / ".done").touch()


@pytest.mark.parametrize("version", ["3.10", "3.14"])
def test_another_python_is_refused_with_those_that_serve(tmp_path: Path, version: str) -> None:
    python = interpreter(tmp_path, version)
    refused = made(tmp_path, "setup", f"PYTHON={python}")
    assert refused.returncode == 2
    assert f"PYTHON='{python}' is no Python 3.11, 3.12 or 3.13" in refused.stderr
    assert "make setup PYTHON=/path/python3.12" in refused.stderr


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_each_python_that_serves_is_taken(tmp_path: Path, version: str) -> None:
    set_up(tmp_path)
    python = interpreter(tmp_path, version)
    done = made(tmp_path, "--dry-run", "setup", f"PYTHON={python}")
    assert done.returncode == 0, done.stderr
    assert [line.partition("--python ")[2] for line in done.stdout.splitlines() if " venv " in line] == [
        f"{python} .venv/app",
        f"{python} .venv/jobs",
    ]


@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_the_stand_in_is_refused_on_a_later_python_and_says_which_one_it_needs(tmp_path: Path, version: str) -> None:
    set_up(tmp_path, "app", "jobs")
    python = interpreter(tmp_path, version)
    refused = made(tmp_path, "stand-in", f"STAND_IN_PYTHON={python}", *(f"--assume-old={name}" for name in LOCKED[:2]))
    assert refused.returncode == 2
    assert f"STAND_IN_PYTHON='{python}' is no Python 3.11. The stand-in for the built-in algorithm needs 3.11" in (
        refused.stderr
    )


def test_the_stand_in_is_no_part_of_the_setup_and_takes_a_3_11_of_its_own(tmp_path: Path) -> None:
    set_up(tmp_path)
    later, own = interpreter(tmp_path, "3.13"), interpreter(tmp_path, "3.11")
    assert "stand-in" not in made(tmp_path, "--dry-run", "setup", f"PYTHON={later}").stdout
    done = made(tmp_path, "--dry-run", "stand-in", f"PYTHON={later}", f"STAND_IN_PYTHON={own}").stdout
    assert "stand-in" not in made(tmp_path, "--dry-run", "demo", f"PYTHON={later}").stdout
    assert f"--python {own} .venv/stand-in" in done
    assert f"--python {later} .venv/jobs" in done


def test_the_versions_are_the_same_wherever_they_are_named() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11,<3.14"
    assert "Python 3.11, 3.12 or 3.13" in (ROOT / "README.md").read_text()
    assert re.search(r'python: \["3\.12", "3\.13"\]', (ROOT / ".github/workflows/checks.yml").read_text())
