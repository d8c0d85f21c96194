# SPDX-License-Identifier: MIT-0
"""The image of `fine_tuning` trains as the process does, in a cell such as SageMaker's.

`make test-fine-tuning` builds it; `make test-image` leaves it out, because it takes 3 GB to download.
"""

import json
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from local.runners.job_runner import Job, JobOutcome, software_of_image
from local.runners.process_runner import ENVIRONMENTS, ProcessRunner
from pipeline_src import contract
from pipeline_src.algorithms.algorithm_table import ALGORITHMS
from tests.image.builder import ROOT, Builder
from tests.image.test_image import PROBE, program_files

ALGORITHM = ALGORITHMS["fine_tuning"]
CELL = ("--network", "none", "--read-only", "--tmpfs", "/tmp", "--user", "10001:10001")
# Two epochs on colored squares of 32 pixels.
SHORT = {"num_classes": "7", "num_training_samples": "42", "image_shape": "3,32,32", "epochs": "2", "batch_size": "32"}
NAMED = {contract.ALGORITHM_VARIABLE: ALGORITHM.name}


@pytest.fixture(scope="session")
def training_image(builder: Builder) -> str:
    """The image of the trainings, built anew."""
    tag = "skin-lesion-fine-tuning:local"
    builder.build(tag, ROOT / "containers/fine_tuning/Dockerfile", timeout=1800)
    return tag


@pytest.fixture(scope="session")
def room(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return what makes an /opt/ml in which any user may write, with the channels of the colored squares."""
    squares = tmp_path_factory.mktemp("squares")
    subprocess.run([ENVIRONMENTS / "jobs/bin/python", "-m", "tests.colored_records", squares], check=True, cwd=ROOT)

    def make(name: str, **hyperparameters: str) -> Path:
        root = tmp_path_factory.mktemp(name) / "opt/ml"
        for channel in (contract.TRAIN, contract.VALIDATION):
            (root / "input/data" / channel).mkdir(parents=True)
            shutil.copy(squares / f"{channel}.rec", root / "input/data" / channel)
        for folder in ("input/config", "model", "output", "checkpoints"):
            (root / folder).mkdir()
            (root / folder).chmod(0o777)
        (root / "input/config/hyperparameters.json").write_text(json.dumps(SHORT | hyperparameters))
        return root

    return make


def train(builder: Builder, image: str, root: Path) -> tuple[int, str]:
    """Train in a container as SageMaker does; return the exit code and the log."""
    named = (word for name, value in NAMED.items() for word in ("--env", f"{name}={value}"))
    done = builder("run", "--rm", *CELL, *named, "--volume", f"{root}:/opt/ml", image, "train")
    return done.returncode, done.stdout + done.stderr


def model(root: Path) -> dict[str, bytes]:
    """Return the files of the model by name."""
    return {path.name: path.read_bytes() for path in (root / "model").iterdir()}


def test_container_and_process_write_the_same_model_byte_for_byte(
    builder: Builder, training_image: str, room: Callable[..., Path]
) -> None:
    contained, plain = room("contained"), room("plain")
    code, log = train(builder, training_image, contained)
    assert code == 0, log
    uri = ALGORITHM.training_image.local_uri
    job = Job("Train", uri, software_of_image(uri).train, plain, plain.parent, NAMED, limit=240)
    assert ProcessRunner().run(job, stop=threading.Event(), line=lambda _line: None) == JobOutcome(0)
    assert model(contained).keys() == set(ALGORITHM.model_files)
    assert model(contained) == model(plain)


def test_bad_input_ends_with_its_exit_code_and_its_reason(
    builder: Builder, training_image: str, room: Callable[..., Path]
) -> None:
    root = room("bad", batch_size="-1")
    code, log = train(builder, training_image, root)
    assert code == contract.EXIT_BAD_INPUT, log
    assert "batch_size" in (root / "output/failure").read_text()
    assert model(root) == {}


def test_a_training_has_no_network_no_root_and_no_writable_disk_but_its_own(
    builder: Builder, training_image: str
) -> None:
    found = builder("run", "--rm", *CELL, training_image, "python", "-c", PROBE)
    assert found.returncode == 0, found.stderr
    cell = json.loads(found.stdout)
    assert (cell["root"], cell["uid"], cell["cards"], cell["writable"]) == ("ro", 10001, ["lo"], ["/tmp"])


def test_the_training_image_names_a_user_that_is_not_root_and_holds_nothing_else_of_the_repository(
    builder: Builder, training_image: str
) -> None:
    command = "id -u; find . -type f -not -name '*.pyc'"
    found = builder("run", "--rm", "--network", "none", training_image, "sh", "-c", command)
    assert found.returncode == 0, found.stderr
    user, *files = found.stdout.split()
    assert int(user) > 0
    assert {line.removeprefix("./") for line in files} == program_files() | {"requirements.txt"}
