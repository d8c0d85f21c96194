# SPDX-License-Identifier: MIT-0
"""How a Processing job finds /opt/ml, on one host and on several."""

import copy
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from local.jobs import Job
from tests.local.fake import FakeRunner, definition, processing, run, uri_of

DRAFT = processing("A", inputs={"raw": "s3://raw/data"}, arguments=["--x", "1"])


def stored(home: Path, *names: str) -> None:
    for name in names:
        path = home / "s3/raw/data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def hosts(count: int, step: Any = DRAFT, **source: str) -> Any:
    found = copy.deepcopy(step)
    found["Arguments"]["ProcessingResources"]["ClusterConfig"]["InstanceCount"] = count
    found["Arguments"]["ProcessingInputs"][0]["S3Input"] |= source
    return found


def test_opt_ml_is_laid_out_as_the_service_does(home: Path) -> None:
    stored(home, "one.txt", "deep/two.txt")
    jobs: list[Job] = []
    ending = run(definition(DRAFT), home, FakeRunner({"A": jobs.append}))
    root = ending.record.path.parent / "A/opt/ml"
    assert jobs[0].root == root
    assert (root / "processing/input/raw/one.txt").read_text() == "one.txt"
    assert (root / "processing/input/raw/deep/two.txt").read_text() == "deep/two.txt"
    assert (root / "processing/output/out").is_dir()
    resources = json.loads((root / "config/resourceconfig.json").read_text())
    assert (resources["current_host"], resources["hosts"]) == ("algo-1", ["algo-1"])
    job = json.loads((root / "config/processingjobconfig.json").read_text())
    assert job["ProcessingJobName"] == f"pipelines-{ending.record.execution_id}-A"
    assert job["AppSpecification"]["ContainerArguments"] == ["--x", "1"]


def test_an_input_is_a_link_not_a_copy(home: Path) -> None:
    stored(home, "one.txt")
    ending = run(definition(DRAFT), home, FakeRunner())
    seen = ending.record.path.parent / "A/opt/ml/processing/input/raw/one.txt"
    assert seen.samefile(home / "s3/raw/data/one.txt")


def test_an_input_that_is_one_object_is_the_only_file_of_its_folder(home: Path) -> None:
    stored(home, "one.txt", "two.txt")
    ending = run(definition(processing("A", inputs={"raw": "s3://raw/data/one.txt"})), home, FakeRunner())
    folder = ending.record.path.parent / "A/opt/ml/processing/input/raw"
    assert [path.name for path in folder.iterdir()] == ["one.txt"]


def test_an_input_without_objects_is_bad_input_and_named(home: Path) -> None:
    ending = run(definition(DRAFT), home, FakeRunner())
    assert ending.exit_code == 2
    assert str(ending.reason).startswith("s3://raw/data: no object is there")


@pytest.mark.parametrize("path", ["/tmp/x", "/opt/ml/processing/../x", "/opt/ml/model"])
def test_a_local_path_outside_the_jobs_folder_is_refused(home: Path, path: str) -> None:
    stored(home, "one.txt")
    ending = run(definition(hosts(1, LocalPath=path)), home, FakeRunner())
    assert ending.exit_code == 2
    assert path in str(ending.reason)


def test_each_of_several_hosts_has_its_own_opt_ml_and_their_outputs_are_merged(home: Path) -> None:
    stored(home, "one.txt")
    together = threading.Barrier(3, timeout=10)

    def write(job: Job) -> None:
        together.wait()
        resources = json.loads((job.root / "config/resourceconfig.json").read_text())
        assert resources["hosts"] == ["algo-1", "algo-2", "algo-3"]
        folder = job.root / "processing/output/out"
        (folder / f"{resources['current_host']}.txt").write_text(job.logs.name)
        (folder / "same.txt").write_text("same")

    ending = run(definition(hosts(3)), home, FakeRunner({"A": write}))
    assert ending.exit_code == 0, ending.reason
    out = Path(ending.record.steps[0]["Outputs"]["out"])
    names = ["algo-1.txt", "algo-2.txt", "algo-3.txt", "same.txt"]
    assert {path.name: path.read_text() for path in out.iterdir()} == dict(
        zip(names, ["algo-1", "algo-2", "algo-3", "same"], strict=True)
    )


def test_two_hosts_that_write_one_object_with_different_bytes_fail_the_step(home: Path) -> None:
    stored(home, "one.txt")

    def write(job: Job) -> None:
        (job.root / "processing/output/out/same.txt").write_text(job.logs.name)

    ending = run(definition(hosts(2)), home, FakeRunner({"A": write}))
    assert ending.exit_code == 1
    assert "same.txt: two hosts wrote it with different bytes" in str(ending.reason)


def test_sharded_inputs_are_spread_over_the_hosts_without_loss_or_doubling(home: Path) -> None:
    stored(home, *(f"{number}.txt" for number in range(5)))
    ending = run(definition(hosts(2, S3DataDistributionType="ShardedByS3Key")), home, FakeRunner())
    shares = [
        {path.name for path in (ending.record.path.parent / f"A/{host}/opt/ml/processing/input/raw").iterdir()}
        for host in ("algo-1", "algo-2")
    ]
    assert not shares[0] & shares[1]
    assert len(shares[0] | shares[1]) == 5


def test_a_failed_job_puts_nothing_into_the_store(home: Path) -> None:
    stored(home, "one.txt")

    def half(job: Job) -> int:
        (job.root / "processing/output/out/half.txt").write_text("half")
        return 1

    run(definition(DRAFT, processing("B", inputs={"a": uri_of("A")})), home, FakeRunner({"A": half}))
    assert not (home / "s3/runs").exists()
