# SPDX-License-Identifier: MIT-0
"""A measured run of the job does not affect the next one, and the job without its audit makes the same dataset."""

import sys
from pathlib import Path

from benchmarks import job, measure
from tests.jobs import archives

CORES = measure.cores(1)


def test_outputs_are_truncated_after_a_run_and_deleted_when_the_bench_is_closed(tmp_path: Path) -> None:
    archive, folder = tmp_path / "small.zip", tmp_path / "ml"
    archive.write_bytes(archives.good().bytes())
    before, counts = archive.read_bytes(), []
    with job.Bench(folder) as bench:
        for _ in range(2):
            bench.run(archive, CORES)
            written = [path for path in folder.rglob("output/*/*") if path.is_file()]
            assert {path.stat().st_size for path in written} == {0}
            counts.append(len(written))
    assert counts[0] > 6
    assert counts[1] == 2 * counts[0]
    assert not folder.exists()
    assert archive.read_bytes() == before


def test_equal_archives_have_equal_digests_and_different_ones_differ(tmp_path: Path) -> None:
    one, two = tmp_path / "one.zip", tmp_path / "two.zip"
    one.write_bytes(archives.good(5).bytes())
    two.write_bytes(archives.good(6).bytes())
    with job.Bench(tmp_path / "ml") as bench:
        assert bench.digest(one, CORES) == bench.digest(one, CORES) != bench.digest(two, CORES)


def test_the_job_without_its_audit_makes_the_same_dataset(tmp_path: Path) -> None:
    archive, made = tmp_path / "small.zip", []
    archive.write_bytes(archives.good().bytes())
    for module in (job.JOB, job.UNAUDITED):
        room = archives.Room(tmp_path / module)
        room.put(archive.read_bytes())
        measure.run([sys.executable, "-m", module], {"ML_ROOT": str(room.root)}, CORES)
        made.append(room.files())
    assert made[0] == made[1]
