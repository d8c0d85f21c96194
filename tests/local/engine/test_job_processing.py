# SPDX-License-Identifier: MIT-0
"""The files of a Processing job in /opt/ml."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from local.errors import DefinitionError
from local.runners.job_runner import Job
from tests.local.fake import FakeRunner, definition, processing, run, uri_of

DRAFT = processing("A", inputs={"raw": "s3://raw/data"}, arguments=["--x", "1"])


def stored(home: Path, *names: str) -> None:
    for name in names:
        path = home / "s3/raw/data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def changed(source: Any = (), cluster: Any = ()) -> Any:
    """Return `DRAFT` with other values in its input and its cluster."""
    found = copy.deepcopy(DRAFT)
    found["Arguments"]["ProcessingResources"]["ClusterConfig"] |= dict(cluster)
    found["Arguments"]["ProcessingInputs"][0]["S3Input"] |= dict(source)
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
    assert str(ending.reason).startswith("s3://raw/data: no such object")


@pytest.mark.parametrize("path", ["/tmp/x", "/opt/ml/processing/../x", "/opt/ml/model"])
def test_a_local_path_outside_the_jobs_folder_is_refused_before_anything_runs(home: Path, path: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        run(definition(changed({"LocalPath": path})), home, FakeRunner())
    assert str(caught.value).startswith(f"A.ProcessingInputs[0].S3Input.LocalPath: {path!r}: must be below")
    assert not home.exists()


def test_several_hosts_are_refused_before_anything_runs(home: Path) -> None:
    stored(home, "one.txt")
    runner = FakeRunner({"A": lambda _job: pytest.fail("the job ran")})
    with pytest.raises(DefinitionError, match="the local engine processes on one host"):
        run(definition(changed(cluster={"InstanceCount": 2})), home, runner)


def test_a_failed_job_puts_nothing_into_the_store(home: Path) -> None:
    stored(home, "one.txt")

    def half(job: Job) -> int:
        (job.root / "processing/output/out/half.txt").write_text("half")
        return 1

    run(definition(DRAFT, processing("B", inputs={"a": uri_of("A")})), home, FakeRunner({"A": half}))
    assert not (home / "s3/runs").exists()
