# SPDX-License-Identifier: MIT-0
"""What every algorithm does, tried through the runner that the local engine uses; and a stranger's algorithm.

Each algorithm trains on colored squares in the environment of its image, and its model is served. `make test` tries
those whose environment it sets up; the others have a verb of their own, which names the algorithm by ``--algorithm``.
The isolation of the images, their read-only root and their user are tried in tests/image.
"""

import http.client
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.runners.job_runner import Job, JobOutcome, software_of_image
from local.runners.process_runner import ProcessRunner
from local.steps.model_server import ServedModel, run_model_server
from local.steps.training_step import pack_model_archive
from pipeline_src import contract
from pipeline_src.algorithms.algorithm_specification import AlgorithmSpecification
from pipeline_src.algorithms.algorithm_table import ALGORITHMS, find_algorithm
from pipeline_src.class_probabilities import parse_class_probabilities
from tests.loop.home import APP, JOBS, ROOT

SIDE = 32
# What an algorithm needs beside its defaults to train on 42 squares within seconds.
FAST = {
    "builtin_image_classification": {
        "num_layers": "20",
        "epochs": "16",
        "learning_rate": "0.05",
        "lr_scheduler_step": "12",
        "augmentation_type": "crop",
    },
    "fine_tuning": {"epochs": "12", "patience": "12", "batch_size": "16", "learning_rate": "0.006"},
}

TRAINED_BY_MAKE_TEST = [
    each
    for each in ALGORITHMS.values()
    if software_of_image(each.training_image.local_uri).environment in {"jobs", "stand-in"}
]


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the channels' files and of one JPEG a class."""
    folder = tmp_path_factory.mktemp("squares")
    subprocess.run([str(JOBS), "-m", "tests.colored_records", str(folder)], cwd=ROOT, check=True)
    return folder


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the contract for each algorithm that `make test` can train, or for the one of ``--algorithm`` alone."""
    if "algorithm" in metafunc.fixturenames:
        only = metafunc.config.getoption("--algorithm")
        chosen = [find_algorithm(only)] if only else TRAINED_BY_MAKE_TEST
        metafunc.parametrize("algorithm", chosen, ids=lambda each: each.name, scope="module")


@dataclass(frozen=True)
class Trained:
    """The /opt/ml of a training, its outcome and its log."""

    root: Path
    outcome: JobOutcome
    lines: list[str]

    def model(self) -> dict[str, bytes]:
        """Return the files of the model by name."""
        return {path.name: path.read_bytes() for path in (self.root / "model").iterdir()}


def train(
    algorithm: AlgorithmSpecification, squares: Path, folder: Path, start: "Trained | None" = None, **changed: str
) -> Trained:
    """Train as the definition's Train does, with the default of each parameter but for `changed` and `FAST`.

    `start` is a training whose model this one starts from.
    """
    root = folder / "opt/ml"
    if start is not None:
        (root / "input/data" / contract.MODEL_CHANNEL).mkdir(parents=True)
        archive = root / "input/data" / contract.MODEL_CHANNEL / contract.MODEL_ARTIFACT_FILE
        pack_model_archive(start.root / "model", archive)
    for channel in (contract.TRAIN, contract.VALIDATION):
        (root / "input/data" / channel).mkdir(parents=True)
        shutil.copyfile(squares / f"{channel}.rec", root / f"input/data/{channel}/{channel}.rec")
    defaults = {each.name: str(each.default) for each in algorithm.parameters}
    unused = algorithm.unused_when_warm if start is not None else ()
    chosen = {
        name: defaults[each] for name, each in algorithm.parameter_of_hyperparameter.items() if each not in unused
    }
    computed = {
        "num_classes": str(len(contract.CLASS_LABELS)),
        "image_shape": f"3,{SIDE},{SIDE}",
        "num_training_samples": str(6 * len(contract.CLASS_LABELS)),
    }
    given = {**algorithm.fixed_hyperparameters, **chosen, **computed, **FAST.get(algorithm.name, {}), **changed}
    (root / "input/config").mkdir(parents=True)
    (root / "input/config/hyperparameters.json").write_text(json.dumps(given))
    (root / "model").mkdir()
    image = algorithm.training_image.local_uri
    named = {contract.ALGORITHM_VARIABLE: algorithm.name}
    job = Job("Train", image, software_of_image(image).train, root, folder, named, limit=240)
    lines: list[str] = []
    return Trained(root, ProcessRunner().run(job, stop=threading.Event(), line=lines.append), lines)


@pytest.fixture(scope="module")
def trained(algorithm: AlgorithmSpecification, squares: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train(algorithm, squares, tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="module")
def served(
    algorithm: AlgorithmSpecification, trained: Trained, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    """The port at which the model is served."""
    folder = tmp_path_factory.mktemp("served")
    pack_model_archive(trained.root / "model", folder / contract.MODEL_ARTIFACT_FILE)
    model = ServedModel(folder / contract.MODEL_ARTIFACT_FILE, algorithm.serving_image.local_uri)
    with run_model_server(ProcessRunner(), model, folder, threading.Event()) as server:
        yield server.port


def ask(port: int, data: bytes) -> tuple[int, bytes]:
    """Return status and body of the answer to the image `data`."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("POST", "/invocations", data, {"Content-Type": contract.IMAGE_CONTENT_TYPE})
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_it_trains_and_writes_the_files_that_its_specification_names(
    algorithm: AlgorithmSpecification, trained: Trained
) -> None:
    assert trained.outcome == JobOutcome(0)
    numbered = {re.sub(r"\d{4}", "NNNN", name) for name in trained.model()}
    assert numbered == set(algorithm.model_files)


def test_it_logs_progress_and_the_metric_that_a_tuning_maximizes(
    algorithm: AlgorithmSpecification, trained: Trained
) -> None:
    assert any(contract.PROGRESS_PATTERN.match(line) for line in trained.lines)
    found = re.findall(algorithm.metrics[algorithm.tuning_objective], "\n".join(trained.lines))
    assert found
    assert 0 <= float(found[-1]) <= 1


def test_each_class_is_answered_in_its_own_place_and_the_answers_sum_to_one(served: int, squares: Path) -> None:
    for position, label in enumerate(contract.CLASS_LABELS):
        status, body = ask(served, (squares / f"{label}.jpg").read_bytes())
        assert status == http.client.OK
        answer = parse_class_probabilities(body)
        assert max(range(len(answer)), key=answer.__getitem__) == position, label


def test_what_is_no_image_is_refused_and_the_next_request_is_answered(served: int, squares: Path) -> None:
    status, body = ask(served, b"no image")
    assert 400 <= status < 500
    assert body
    assert ask(served, (squares / f"{contract.CLASS_LABELS[0]}.jpg").read_bytes())[0] == http.client.OK


def test_the_same_data_and_hyperparameters_give_the_same_model(
    algorithm: AlgorithmSpecification, trained: Trained, squares: Path, tmp_path: Path
) -> None:
    assert train(algorithm, squares, tmp_path).model() == trained.model()


def test_a_warm_start_goes_on_from_the_model_of_an_earlier_training(
    algorithm: AlgorithmSpecification, trained: Trained, squares: Path, tmp_path: Path
) -> None:
    """After one epoch it recognizes as much as that model; one epoch from other weights does not."""
    if algorithm.warm_start == "never":
        assert algorithm.warm_start_refusal
        return
    found = []
    for start in (trained, None):
        done = train(algorithm, squares, tmp_path / str(bool(start)), start, epochs="1", learning_rate="0.0001")
        assert done.outcome == JobOutcome(0), done.lines
        found.append(float(re.findall(algorithm.metrics[algorithm.tuning_objective], "\n".join(done.lines))[-1]))
    assert found[0] > 0.9
    assert found[1] < 0.5


def test_an_unknown_hyperparameter_is_refused_by_name(
    algorithm: AlgorithmSpecification, squares: Path, tmp_path: Path
) -> None:
    refused = train(algorithm, squares, tmp_path, no_such_thing="1")
    assert refused.outcome == JobOutcome(contract.EXIT_BAD_INPUT)
    assert "no_such_thing" in (refused.root / "output/failure").read_text()
    assert refused.model() == {}


def test_an_algorithm_that_make_test_does_not_train_is_trained_by_another_verb() -> None:
    named = re.findall(r"--algorithm (\w+)", (ROOT / "Makefile").read_text())
    assert sorted(named) == sorted(ALGORITHMS.keys() - {each.name for each in TRAINED_BY_MAKE_TEST})


TOY = ROOT / "tests/toy_algorithm"
TABLE_LINE = "        TOY,\n"
TABLE_IMPORT = "from pipeline_src.algorithms.toy.toy_specification import TOY\n"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code with the toy algorithm of docs/algorithms.md: three files, and its name in the table."""
    root = tmp_path_factory.mktemp("stranger")
    for folder in ("pipeline_src", "local", "containers"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(ROOT / "requirements.txt", root / "requirements.txt")
    (root / ".venv").symlink_to(ROOT / ".venv")
    shutil.copytree(TOY, root / "pipeline_src/algorithms/toy", ignore=shutil.ignore_patterns("__pycache__"))
    assert len(list(TOY.glob("*.py"))) == 3
    table = root / "pipeline_src/algorithms/algorithm_table.py"
    text = table.read_text()
    text = text.replace("        LINEAR_PROBE,\n", f"        LINEAR_PROBE,\n{TABLE_LINE}")
    table.write_text(text.replace("\nALGORITHMS:", f"{TABLE_IMPORT}\nALGORITHMS:"))
    return root


def test_a_strangers_algorithm_runs_through_the_whole_pipeline(repository: Path, tmp_path: Path) -> None:
    home = {**os.environ, "LOCAL_HOME": str(tmp_path / "home")}
    options = ("--algorithm", "toy", "--profile", "demo")

    def local(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(APP), "-m", "local", *arguments], cwd=repository, env=home, capture_output=True, text=True, check=False
        )

    assert local("sample", "--images", "120", str(tmp_path / "sample.zip")).returncode == 0
    done = local("run", "--archive", str(tmp_path / "sample.zip"), *options)
    record = json.loads((tmp_path / "home/runs/latest/execution.json").read_text())
    steps = {each["StepName"]: each["StepStatus"] for each in record["PipelineExecutionSteps"]}
    # Whether the gate passes it is another matter: it sees no more than a mean color.
    assert {steps[name] for name in ("Preprocess", "Train", "Model", "Score", "Evaluate", "Gate")} == {"Succeeded"}
    assert "algorithm toy" in done.stdout
