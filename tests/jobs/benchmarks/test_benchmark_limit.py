# SPDX-License-Identifier: MIT-0
"""The lower bound processes a whole archive, and a measurement uses the given cores and command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import measure
from tests.jobs import archives

CORES = measure.cores(1)
IMAGES = 497


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("packed") / "large.zip"
    archive = archives.good(lesions=70)
    assert len(archive.pictures) == IMAGES
    path.write_bytes(archive.bytes())
    return path


@pytest.mark.parametrize("more", [(), ("--plain",)])
def test_the_lower_bound_processes_all_images(packed: Path, more: tuple[str, ...]) -> None:
    usage = measure.run([sys.executable, "-m", "benchmarks.limit", str(packed), str(IMAGES), *more], {}, CORES)
    assert usage.wall > 0
    assert usage.cpu > 0
    assert usage.memory > 1e6


def test_a_bound_that_processed_fewer_images_fails(packed: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        measure.run([sys.executable, "-m", "benchmarks.limit", str(packed), str(IMAGES + 1)], {}, CORES)


def test_a_failed_command_gives_no_measurement() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        measure.run([sys.executable, "-c", "raise SystemExit(3)"], {}, CORES)


@pytest.mark.parametrize("core", sorted(os.sched_getaffinity(0))[-2:])
def test_a_command_runs_on_the_cores_given_and_the_benchmark_itself_on_all(core: int) -> None:
    before = os.sched_getaffinity(0)
    code = f"import os; raise SystemExit(os.sched_getaffinity(0) != {{{core}}})"
    measure.run([sys.executable, "-c", code], {}, frozenset({core}))
    assert os.sched_getaffinity(0) == before


def test_cores_are_chosen_from_the_allowed_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {7, 5, 3})
    assert measure.cores(2) == {3, 5}
    with pytest.raises(SystemExit, match="3 allowed"):
        measure.cores(4)
