# SPDX-License-Identifier: MIT-0
"""The rehearsal of a rollback, with model servers that answer what their artifact holds."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.aws.model_registry import APPROVED, PENDING, ModelRegistry
from local.aws.s3_store import LocalHome
from local.cli import drill
from local.errors import StepError, UsageError
from local.runners.job_runner import Job
from tests.local.fake import FakeRunner
from tests.local.operation import registered
from tests.local.operation.server import SCORES

OTHER = (0.7, *SCORES[1:])
SERVER = """
import http.server, pathlib, sys
scores = pathlib.Path(sys.argv[1], "model/scores.json").read_bytes()

class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.say(b"")
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.say(scores)
    def say(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

server = http.server.HTTPServer((sys.argv[2], int(sys.argv[3])), Answers)
print(f"Serving fake on http://{sys.argv[2]}:{server.server_port}", flush=True)
server.serve_forever()
"""


class Servers(FakeRunner):
    """Serves what the artifact says; `stale` keeps serving the first one, whatever is approved."""

    stale: Path | None = None

    @contextmanager
    def serve(self, job: Job, *, host: str, port: int) -> "Iterator[subprocess.Popen[bytes]]":
        job.logs.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-S", "-c", SERVER, str(self.stale or job.root), host, str(port)]
        with (
            (job.logs / "stdout.log").open("wb") as log,
            (job.logs / "stderr.log").open("wb") as errors,
            subprocess.Popen(command, stdout=log, stderr=errors) as process,
        ):
            try:
                yield process
            finally:
                process.kill()


@pytest.fixture
def place(home: Path) -> LocalHome:
    made = LocalHome(home)
    registered.run(made, "a" * 12, SCORES)
    registered.run(made, "b" * 12, OTHER)
    return made


def test_it_goes_there_and_back_and_the_version_approved_last_answers_each_time(place: LocalHome) -> None:
    registry = ModelRegistry(place.registry)
    arns = [f"arn:aws:sagemaker:r:a:model-package/small/{number}" for number in (1, 2)]
    registry.decide(arns[1], APPROVED, "before the drill")
    stops = list(drill.walk(*drill.versions((), place), place, Servers()))
    assert [stop.version for stop in stops] == [arns[0], arns[1], arns[0]]
    assert [stop.on_aws for stop in stops] == [
        "set version 1 to Approved",
        "set version 2 to Rejected and then to Approved",
        "set version 1 to Rejected and then to Approved",
    ]
    found = [registry.describe(arn) for arn in arns]
    assert [each["ModelApprovalStatus"] for each in found] == [PENDING, APPROVED]
    assert found[1]["ApprovalDescription"] == "before the drill"


def test_another_model_than_was_approved_last_fails_it(place: LocalHome, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model/scores.json").write_text(str(list(SCORES)))
    servers = Servers()
    servers.stale = tmp_path
    walk = drill.walk(*drill.versions((), place), place, servers)
    assert next(walk).version.endswith("/1")
    with pytest.raises(StepError, match=r"small/2 was approved last, but to I1 the answer was \[0\.1, 0\.6"):
        next(walk)


def test_the_runs_can_be_named(place: LocalHome) -> None:
    first, second = drill.versions(("b" * 12, "a" * 12), place)
    assert (first.number, second.number) == ("2", "1")


def test_without_two_versions_it_says_how_to_make_them(home: Path) -> None:
    alone = LocalHome(home)
    registered.run(alone, "a" * 12, SCORES)
    with pytest.raises(
        UsageError, match=r"1 registered versions, and two are needed\. Make them: .* demo -p Epochs=12"
    ):
        drill.versions((), alone)


def test_two_models_that_answer_alike_cannot_be_told_apart_and_are_refused(home: Path) -> None:
    alike = LocalHome(home)
    for letter in "ab":
        registered.run(alike, letter * 12, SCORES)
    with pytest.raises(UsageError, match="answer alike"):
        drill.versions((), alike)
