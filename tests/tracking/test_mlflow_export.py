# SPDX-License-Identifier: MIT-0
"""Runs exported to a real MLflow tracking server on the loopback: `make test-mlflow`."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from socket import create_server

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from local.cli.mlflow_export import EXPERIMENT, RUN_TAG, export_to_mlflow
from local.errors import UsageError
from pipeline_src.run_facts import CRASHED, PASSED, RUNNING, RunFacts, RunHistory

FIGURE = {"value": 0.857, "lower": 0.8, "upper": 0.9, "images": 135}
START_SECONDS = 300  # of a server on a busy machine: it imports much, and makes its tables


def facts(run: str, outcome: str, report: Path | None = None) -> RunFacts:
    return RunFacts(
        run=run,
        started="2026-11-30T21:03:04+00:00",
        seconds=22.7,
        outcome=outcome,
        algorithm="linear_probe",
        profile="demo",
        parameters={"TestFraction": 0.25},
        metrics={"balanced accuracy": FIGURE} if outcome == PASSED else {},
        package="arn:aws:sagemaker:us-east-1:000000000000:model-package/p/1" if outcome == PASSED else "",
        approval="PendingManualApproval" if outcome == PASSED else "",
        report=str(report or ""),
        reason="out of memory" if outcome == CRASHED else "",
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a tracking server with an empty database."""
    folder = tmp_path_factory.mktemp("mlflow")
    with closing(create_server(("127.0.0.1", 0))) as probe:
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", address.rpartition(":")[2]]
    command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{folder}/runs.db"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(address):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.3)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=5) as answer:  # noqa: S310  the loopback
            return bool(answer.status == 200)
    except OSError:
        return False


def exported(server: str) -> dict[str, Run]:
    client = MlflowClient(tracking_uri=server)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    return {run.data.tags[RUN_TAG]: run for run in client.search_runs([experiment.experiment_id])}


def test_runs_are_exported_once_with_all_that_is_known_and_follow_their_approval(server: str, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    report.write_text("report")
    (tmp_path / "evaluation.json").write_text("{}")
    passed, crashed = facts("passed", PASSED, report), facts("crashed", CRASHED)
    history = RunHistory("runs", "", (passed, crashed, facts("going", RUNNING)))
    assert export_to_mlflow(history, server).made == ["passed", "crashed"]

    found = exported(server)
    assert found.keys() == {"passed", "crashed"}
    assert (found["passed"].info.status, found["crashed"].info.status) == ("FINISHED", "FAILED")
    assert found["passed"].data.params == {"algorithm": "linear_probe", "profile": "demo", "TestFraction": "0.25"}
    assert found["passed"].data.metrics == {
        "balanced_accuracy": 0.857,
        "balanced_accuracy_lower": 0.8,
        "balanced_accuracy_upper": 0.9,
    }
    assert found["passed"].data.tags["model_package"] == passed.package
    assert found["crashed"].data.tags["reason"] == "out of memory"
    client = MlflowClient(tracking_uri=server)
    listed = {each.path for each in client.list_artifacts(found["passed"].info.run_id)}
    assert listed == {"report.html", "evaluation.json"}

    again = export_to_mlflow(history, server)
    assert (again.made, again.updated, again.unchanged) == ([], [], ["passed", "crashed"])
    assert {name: run.to_dictionary() for name, run in exported(server).items()} == {
        name: run.to_dictionary() for name, run in found.items()
    }

    approved = replace(history, runs=(replace(passed, approval="Approved"), crashed))
    assert export_to_mlflow(approved, server).updated == ["passed"]
    assert exported(server)["passed"].data.tags["approval"] == "Approved"


def test_a_run_that_an_interrupted_export_left_is_made_anew(server: str) -> None:
    history = RunHistory("runs", "", (facts("torn", PASSED),))
    export_to_mlflow(history, server)
    client = MlflowClient(tracking_uri=server)
    client.delete_tag(exported(server)["torn"].info.run_id, "lesions.digest")
    assert export_to_mlflow(history, server).made == ["torn"]
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    assert len(client.search_runs([experiment.experiment_id], f"tags.`{RUN_TAG}` = 'torn'")) == 1


def test_a_server_that_does_not_answer_is_named_with_what_to_do() -> None:
    with closing(create_server(("127.0.0.1", 0))) as probe:
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(UsageError, match=rf"--mlflow {address}: .* Check address and credentials"):
        export_to_mlflow(RunHistory("runs", "", (facts("passed", PASSED),)), address)
