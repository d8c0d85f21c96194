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
    *sorted(ROOT.glob("containers/*/requirements.txt")),
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


def test_every_environment_is_set_up_by_hash() -> None:
    """But for uv itself, which has a version, and the command `lesions`, which is this folder."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "--generate-hashes" in makefile
    assert [line for line in re.findall(r".*pip sync.*", makefile) if "--require-hashes" not in line] == []
    others = re.findall(r"pip install (.*)", makefile)
    assert [each for each in others if "uv==" not in each and "--offline --no-deps" not in each] == []


def test_ci_runs_every_check_wherever_it_runs() -> None:
    """On a bare machine, after a merge, and, but for those that need long, on a pull request."""
    machine = (ROOT / ".ci/run").read_text(encoding="utf-8")
    run = {*re.findall(r"^(?:verb|hostile) ([a-z-]+)", machine, re.MULTILINE)}
    run |= set(re.findall(r"for name in (.*); do verb", machine)[0].split())
    merged, asked = (
        set(
            re.findall(r"^ +- run: make ([a-z-]+)$", (ROOT / f".github/workflows/{name}.yml").read_text(), re.MULTILINE)
        )
        for name in ("checks", "pull-request")
    )
    assert re.search(r"^hostile test$", machine, re.MULTILINE)
    assert run == merged
    assert {"check", "test", "check-templates", "test-emulator", "test-image"} <= asked <= merged


def test_what_an_image_shares_with_the_jobs_it_has_in_their_version() -> None:
    """Records, images and models are written by one and read by another."""
    pin = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)
    of = {path.parent.name: dict(pin.findall(path.read_text())) for path in ROOT.glob("containers/*/requirements.txt")}
    for image, versions in of.items():
        shared = versions.keys() & of["preprocessing"].keys()
        assert {"numpy", "onnxruntime", "opencv-contrib-python-headless", "simplejpeg"} <= shared, image
        assert {name: versions[name] for name in shared} == {name: of["preprocessing"][name] for name in shared}, image


def test_no_two_environments_disagree_on_a_package_that_draws_the_sample() -> None:
    """The tests of the jobs draw archives too: the same bytes need the same JPEG encoder."""
    pillow = re.compile(r"^pillow==(\S+)", re.MULTILINE)
    drawn_by = (ROOT / "requirements.txt", ROOT / "containers/preprocessing/requirements.txt")
    versions = {pillow.findall(path.read_text())[0] for path in drawn_by}
    assert len(versions) == 1
