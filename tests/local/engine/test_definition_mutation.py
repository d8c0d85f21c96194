# SPDX-License-Identifier: MIT-0
"""300 random structural mutations of the project's own definitions: each is refused with exit code 2, or runs.

None ends in a traceback or as a defect of the engine, and none writes outside the home. The jobs are functions, and the
model server is a thread, so that a run takes milliseconds.
"""

import copy
import functools
import io
import json
import os
import random
import shutil
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from rich.console import Console

from local.aws.s3_store import LocalHome
from local.cli.pipeline_run import RunRequest, launch_run, render_definition
from local.console import run_summary
from local.engine.pipeline_expressions import json_get_arguments
from local.errors import LocalError, UsageError
from local.runners.job_runner import Job, JobOutcome
from pipeline_src import contract
from pipeline_src.definition.pipeline_deployment import TuningSettings
from tests.local.fake import FakeRunner, write_outputs
from tests.local.fake_server import FakeAnswers

MUTATIONS = 300
PER_TEST = 60
KINDS = ("linear_probe", "builtin_image_classification", "tuned")
LEAVES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 10**30, "", "x", "../../x", "/tmp/x", "s3://", "s3://../x", "s3://a/b", "[/b]"),
    *("\0", "é" * 300, [], {}, [[]], [None], {"": ""}, {"x": 1}, {"Get": "Steps"}, {"Get": "Steps.Train"}, {"Get": 1}),
    *({"Get": "Parameters.Epochs"}, {"Get": "Execution.PipelineExecutionId"}, {"Std:Join": {}}, {"Std:Split": {}}),
    *({"Std:Join": {"On": "/", "Values": ["..", "..", "x"]}}, {"Std:JsonGet": {"Path": "x", "S3Uri": "s3://a/b"}}),
    {"Get": "Steps.Evaluate.ProcessingOutputConfig"},
)


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The project's definitions: of each algorithm, and with a tuning."""
    home = LocalHome(tmp_path_factory.mktemp("definitions"))
    found = {algorithm: render_definition(home, None, algorithm) for algorithm in KINDS[:2]}
    return found | {"tuned": render_definition(home, TuningSettings(jobs=2, parallel=1), KINDS[1])}


class _ServerProcess:
    """Stands for the process of a model server."""

    def poll(self) -> None:
        """Say that it runs."""


@functools.cache
def _server_port() -> int:
    server = ThreadingHTTPServer(("127.0.0.1", 0), FakeAnswers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


class LoopRunner(FakeRunner):
    """Writes what each job of the project's definition writes, in miniature.

    Args:
        values: evaluation.json and dataset_card.json in one document.
    """

    def __init__(self, values: Any) -> None:
        super().__init__()
        self.values = json.dumps(values)

    def run(self, job: Job, *, stop: threading.Event, line: Callable[[str], None]) -> JobOutcome:
        """Write the outputs of the job."""
        for text in ("progress: 1/2 things", "Epoch[0] Validation-accuracy=0.5", "validation:balanced_accuracy=0.5;"):
            line(text)
        write_outputs(job)
        for folder in (job.root / "processing/output").glob("*"):
            for name in ("dataset_card.json", "evaluation.json", "monitor_statistics.json", "monitor_constraints.json"):
                (folder / name).write_text(self.values)
        return JobOutcome(0, stopped=stop.is_set())

    @contextmanager
    def serve(self, job: Job, *, host: str, port: int) -> Iterator[Any]:
        """Point to the thread that answers."""
        job.logs.mkdir(parents=True, exist_ok=True)
        (job.logs / "stdout.log").write_text(f"Serving fake on http://{host}:{_server_port() + port}\n")
        yield _ServerProcess()


def values_that_are_read(document: Any) -> dict[str, Any]:
    """Return a document with a value at each path that a Std:JsonGet of the definition reads."""
    found: dict[str, Any] = {"images": {"total": 1, "by_split": {}, "by_class_and_split": {}}}
    for arguments in json_get_arguments(document):
        *folders, last = arguments["Path"].split(".")
        functools.reduce(lambda inner, name: inner.setdefault(name, {}), folders, found)[last] = "0.5"
    found["gate"]["verdict"], found["model_card"] = contract.VERDICT_PASS, "{}"
    return found


def places(document: Any) -> list[tuple[Any, Any]]:
    """Return every container of the document with each of its keys or indices."""
    children = document.items() if isinstance(document, dict) else enumerate(document)
    found = []
    for key, child in children:
        found.append((document, key))
        if isinstance(child, dict | list):
            found += places(child)
    return found


def mutate(document: Any, draw: random.Random) -> str:
    """Change one place of `document`, chosen level by level so that small parts are hit too, and say how."""
    holder, key = document, draw.choice(sorted(document))
    while isinstance(holder[key], dict | list) and holder[key] and draw.random() < 0.85:
        holder = holder[key]
        key = draw.choice(sorted(holder) if isinstance(holder, dict) else range(len(holder)))
    before = holder[key]
    operation = draw.choice(["replace", "replace", "remove", "rename", "repeat", "wrap", "move", "turn"])
    if operation == "remove":
        del holder[key]
    elif operation == "rename" and isinstance(holder, dict):
        holder[draw.choice(["Name", "Get", "Std:Join", "Conditions", f"{key}x", ""])] = holder.pop(key)
    elif operation == "repeat" and isinstance(holder, list):
        holder.insert(draw.randrange(len(holder) + 1), copy.deepcopy(before))
    elif operation == "wrap":
        holder[key] = draw.choice([[before], {"Values": before}, {str(key): before}])
    elif operation == "move":
        other, name = draw.choice(places(document))
        holder[key] = copy.deepcopy(other[name])
    elif operation == "turn" and isinstance(before, dict):
        holder[key] = draw.choice([list(before), list(before.values()), json.dumps(before)])
    elif operation == "turn" and isinstance(before, list):
        holder[key] = {str(index): each for index, each in enumerate(before)}
    elif operation == "turn" and isinstance(before, int | float):
        holder[key] = str(before)
    else:
        holder[key] = copy.deepcopy(draw.choice(LEAVES))
    return f"{operation} {key}: {str(before)[:60]}"


class WriteGuard:
    """Collects the paths that are written outside `allowed`, by Python's audit events, while it is on."""

    EVENTS: ClassVar = {
        **dict.fromkeys(("os.mkdir", "os.remove", "os.rmdir", "os.chmod", "os.truncate", "shutil.rmtree"), (0,)),
        **dict.fromkeys(("os.link", "os.symlink"), (1,)),
        "os.rename": (0, 1),
    }

    def __init__(self) -> None:
        self.allowed: tuple[Path, ...] = ()
        self.outside: list[str] = []
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Look at one event."""
        if not self.allowed:
            return
        if event == "open":
            path, mode, flags = arguments
            writes = any(each in str(mode or "") for each in "wax+") or (flags or 0) & (os.O_WRONLY | os.O_RDWR)
            written = [path] if writes else []
        else:
            written = [arguments[each] for each in self.EVENTS.get(event, ())]
            if arguments and isinstance(arguments[-1], int) and arguments[-1] >= 0:
                return  # Relative to a folder that shutil.rmtree has opened, and named in an event of its own.
        for path in written:
            if isinstance(path, str | bytes | os.PathLike) and not self._is_allowed(os.fsdecode(path)):
                self.outside.append(f"{event} {os.fsdecode(path)}")

    def _is_allowed(self, text: str) -> bool:
        path = Path(os.path.abspath(text))  # noqa: PTH100  not resolve(), which raises events itself
        return "__pycache__" in path.parts or any(path.is_relative_to(each) for each in self.allowed)


@functools.cache
def write_guard() -> WriteGuard:
    """Return the only guard: an audit hook cannot be removed."""
    return WriteGuard()


def test_the_guard_sees_what_is_written_outside_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    guard = write_guard()
    guard.allowed, guard.outside = (tmp_path / "inside",), []
    try:
        (tmp_path / "inside/deep").mkdir()
        (tmp_path / "inside/deep/file").write_text("x")
        shutil.rmtree(tmp_path / "inside/deep")
        assert guard.outside == []
        (tmp_path / "folder").mkdir()
        (tmp_path / "file").write_text("x")
        (tmp_path / "file").read_text()
        (tmp_path / "file").rename(tmp_path / "inside/file")
    finally:
        guard.allowed = ()
    assert [each.partition(" ")[0] for each in guard.outside] == ["os.mkdir", "open", "os.rename"]


def store_inputs(home: Path) -> None:
    """Store the archive, and the held-out image and the other objects that fake jobs do not write."""
    for name in ("local-raw/archives/x.zip", "local-runs/absent.json", "a/b/x.jpg"):
        (home / "s3" / name).parent.mkdir(parents=True, exist_ok=True)
        (home / "s3" / name).write_text("{}")


def outcome_of(document: Any, values: Any, home: Path) -> str:
    """Run the definition and return how that ended: ``refused``, or the exit code of the run."""
    path = home.parent / "definition.json"
    path.write_text(json.dumps(document))
    shown = Console(file=io.StringIO(), width=80)
    request = RunRequest(None, {"InputArchive": "s3://local-raw/archives/x.zip"}, "demo", "laptop", definition=path)
    try:
        outcome = launch_run(request, LocalHome(home), LoopRunner(values), shown)
    except LocalError as error:
        return "refused" if error.exit_code == UsageError.exit_code else f"error {error.exit_code}: {error}"
    run_summary.print_run_summary(outcome.record, LocalHome(home), shown)
    assert not list((home / "runs").glob("*/*/engine.log")), outcome.reason
    assert outcome.record.status in {"Succeeded", "Failed"}
    return str(outcome.exit_code)


@pytest.mark.parametrize("kind", KINDS)
def test_the_definition_that_is_mutated_runs_to_its_end(documents: dict[str, Any], home: Path, kind: str) -> None:
    store_inputs(home)
    assert outcome_of(documents[kind], values_that_are_read(documents[kind]), home) == "0"


@pytest.mark.parametrize("first", range(0, MUTATIONS, PER_TEST))
def test_a_mutated_definition_is_refused_or_runs_and_writes_nothing_outside_the_home(
    documents: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    guard = write_guard()
    outcomes: Counter[str] = Counter()
    for seed in range(first, first + PER_TEST):
        draw = random.Random(seed)
        kind = KINDS[seed % len(KINDS)]
        document = copy.deepcopy(documents[kind])
        change = mutate(document, draw)
        home = tmp_path / str(seed) / "home"
        store_inputs(home)
        guard.allowed, guard.outside = (home.parent, tmp_path / "temporary"), []
        try:
            outcomes[outcome_of(document, values_that_are_read(documents[kind]), home)] += 1
        except BaseException as error:
            error.add_note(f"seed {seed}, {kind}: {change}")
            raise
        finally:
            guard.allowed = ()
        beside = {path.name for path in home.parent.iterdir()} - {"home", "definition.json"}
        assert (guard.outside, beside) == ([], set()), f"seed {seed}, {kind}: {change}"
    assert set(outcomes) <= {"refused", "0", "1", "2"}
    assert outcomes["refused"] > PER_TEST // 4
    assert outcomes["0"] > PER_TEST // 10, "some mutations change nothing that matters"
