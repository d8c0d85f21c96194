# SPDX-License-Identifier: MIT-0
"""The archives of the benchmark are good ones, and job and limit both get through them."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from benchmarks import archive, measure
from tests.jobs.lesions.preparation import crate

CORES = measure.cores(1)


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packed")
    (folder / "drawn.zip").write_bytes(crate.good().bytes())
    archive.write(folder / "500.zip", archive.drawn(folder / "drawn.zip"), 500)
    return folder / "500.zip"


def test_every_zip_and_picture_in_it_is_sound_and_no_two_are_equal(packed: Path) -> None:
    pictures = set()
    with zipfile.ZipFile(packed) as outer:
        assert outer.testzip() is None
        for part in (1, 2):
            with outer.open(crate.PART.format(part)) as file, zipfile.ZipFile(file) as inner:
                pictures |= {inner.read(name) for name in inner.namelist()}
    assert len(pictures) == 500


def test_the_job_reads_it(packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_ROOT", str(tmp_path))
    room = crate.Room(tmp_path)
    room.put(packed.read_bytes())
    assert room.run() == 0
    assert len(room.manifest()) == 500
    assert room.card()["duplicates_across_lesions"] == []


@pytest.mark.parametrize("more", [(), ("--plain",)])
def test_the_limit_gets_through_it(packed: Path, more: tuple[str, ...]) -> None:
    usage = measure.run([sys.executable, "-m", "benchmarks.limit", str(packed), "500", *more], {}, CORES)
    assert usage.wall > 0
    assert usage.cpu > 0
    assert usage.memory > 1e6


def test_a_limit_that_did_fewer_pictures_is_no_limit(packed: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        measure.run([sys.executable, "-m", "benchmarks.limit", str(packed), "501"], {}, CORES)


def test_a_command_that_fails_is_no_measurement() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        measure.run([sys.executable, "-c", "raise SystemExit(3)"], {}, CORES)


@pytest.mark.parametrize("core", sorted(os.sched_getaffinity(0))[-2:])
def test_a_command_runs_on_the_cores_given_and_the_benchmark_itself_on_all(core: int) -> None:
    before = os.sched_getaffinity(0)
    code = f"import os; raise SystemExit(os.sched_getaffinity(0) != {{{core}}})"
    measure.run([sys.executable, "-c", code], {}, frozenset({core}))
    assert os.sched_getaffinity(0) == before


def test_cores_are_taken_of_those_that_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {7, 5, 3})
    assert measure.cores(2) == {3, 5}
    with pytest.raises(SystemExit, match="3 allowed"):
        measure.cores(4)
