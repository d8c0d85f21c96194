# SPDX-License-Identifier: MIT-0
"""The image of the model server answers as the process does, in a cell such as SageMaker's."""

import http.client
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.runners.process_runner import ENVIRONMENTS
from pipeline_src import contract
from pipeline_src.class_probabilities import parse_class_probabilities
from tests.image.builder import ROOT, Builder
from tests.image.test_image import program_files

JOBS_PYTHON = ENVIRONMENTS / "jobs/bin/python"
MODULE = "pipeline_src.algorithms.serving.onnx_server"
CELL = ("--network", "none", "--read-only", "--tmpfs", "/tmp", "--user", "10001:10001")
# Writes a small model and pictures in both formats, with an orientation tag and without; and one that is damaged.
WRITE = """
import sys
from pathlib import Path
import numpy as np
from pipeline_src.algorithms.serving.onnx_artifact import write_model
from tests.jobs.algorithms.sample_pictures import colored, jpeg, png, turned
from tests.jobs.algorithms.tiny_model import MANIFEST, onnx_bytes
root = Path(sys.argv[1])
write_model(root / "model", onnx_bytes(), MANIFEST)
(root / "pictures").mkdir()
for number in range(8):
    pixels = colored(number, 90 + 50 * number, 120 + 50 * number)
    for kind, data in (("jpg", jpeg(pixels)), ("png", png(pixels))):
        (root / f"pictures/{number}.{kind}").write_bytes(data)
        (root / f"pictures/{number}-turned.{kind}").write_bytes(turned(data))
noise = np.random.default_rng(1).integers(0, 256, (600, 600, 3), np.uint8)
(root / "pictures/large.png").write_bytes(png(noise))  # the server keeps bodies above 512 KiB in /tmp
(root / "pictures/damaged.jpg").write_bytes(jpeg(pixels)[:-99])
"""
# Asks the server of its own container, which has no other network.
CLIENT = """
import http.client, json, pathlib, time
def ask(method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=60)
    connection.request(method, path, body, {"Content-Type": "application/x-image"})
    response = connection.getresponse()
    return response.status, response.read().decode()
for _ in range(600):
    try:
        ask("GET", "/ping")
        break
    except ConnectionRefusedError:
        time.sleep(0.1)
print(json.dumps({path.name: ask("POST", "/invocations", path.read_bytes())
                  for path in pathlib.Path("/opt/ml/pictures").iterdir()}))
"""

Answers = dict[str, list[object]]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An /opt/ml with a model and pictures, readable for any user."""
    path = tmp_path_factory.mktemp("ml")
    subprocess.run([JOBS_PYTHON, "-c", WRITE, path], check=True, cwd=ROOT)
    path.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def container(builder: Builder, server_image: str, root: Path) -> Iterator[str]:
    """The running container, started as SageMaker starts it."""
    started = builder("run", "--detach", *CELL, "--volume", f"{root}:/opt/ml:ro", server_image, "serve")
    assert started.returncode == 0, started.stderr
    name = started.stdout.strip()
    try:
        yield name
    finally:
        builder("rm", "--force", name)


@pytest.fixture(scope="module")
def answers(builder: Builder, container: str) -> Answers:
    found = builder("exec", container, "python", "-c", CLIENT)
    assert found.returncode == 0, found.stderr + builder("logs", container).stderr
    return dict(json.loads(found.stdout))


def _process_answers(root: Path) -> Answers:
    command = [JOBS_PYTHON, "-m", MODULE, "--port", "0"]
    environment = {**os.environ, "ML_ROOT": str(root)}
    with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = re.search(r"http://127\.0\.0\.1:(\d+)", server.stdout.readline())
            assert port
            return {path.name: _ask(int(port[1]), path.read_bytes()) for path in (root / "pictures").iterdir()}
        finally:
            server.terminate()


def _ask(port: int, body: bytes) -> list[object]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/invocations", body, {"Content-Type": contract.IMAGE_CONTENT_TYPE})
    response = connection.getresponse()
    answer = [response.status, response.read().decode()]
    connection.close()
    return answer


def test_container_and_process_give_the_same_answers_byte_for_byte(answers: Answers, root: Path) -> None:
    assert answers == _process_answers(root)


def test_the_answers_are_probabilities_and_an_orientation_tag_changes_none(answers: Answers) -> None:
    assert answers["damaged.jpg"] == [400, "the image: truncated. Replace the image by the original.\n"]
    good = {name: answer for name, answer in answers.items() if name != "damaged.jpg"}
    assert len(good) == 33
    for name, (status, text) in good.items():
        assert status == 200
        parse_class_probabilities(str(text).encode())
        assert good[name.replace("-turned", "")] == [status, text]


def test_serve_listens_on_every_address_and_a_stop_ends_it_with_exit_code_0(
    builder: Builder, container: str, answers: Answers
) -> None:
    assert answers
    logs = builder("logs", container).stdout
    assert logs == "Serving linear_probe on http://0.0.0.0:8080; Ctrl-C stops it.\n"
    assert builder("stop", "--time", "60", container).returncode == 0
    assert builder("inspect", "--format", "{{.State.ExitCode}}", container).stdout.strip() == "0"


def test_the_server_image_names_a_user_that_is_not_root_and_serves_by_default(
    builder: Builder, server_image: str
) -> None:
    found = builder("run", "--rm", "--network", "none", server_image, "id", "-u")
    assert found.returncode == 0, found.stderr
    assert int(found.stdout) > 0
    without_model = builder("run", "--rm", *CELL, server_image)
    assert without_model.returncode == contract.EXIT_BAD_INPUT
    assert without_model.stderr.startswith("/opt/ml/model/model.json: missing.")


def test_the_server_image_holds_pipeline_src_and_only_the_packages_of_its_lock(
    builder: Builder, server_image: str
) -> None:
    found = builder(
        "run", "--rm", "--network", "none", server_image, "find", ".", "-type", "f", "-not", "-name", "*.pyc"
    )
    assert found.returncode == 0, found.stderr
    assert {line.removeprefix("./") for line in found.stdout.split()} == program_files() | {"requirements.txt"}
    absent = (
        "from importlib.util import find_spec;"
        "print([name for name in ('sklearn', 'scipy', 'matplotlib', 'onnx') if find_spec(name)])"
    )
    found = builder("run", "--rm", "--network", "none", server_image, "python", "-c", absent)
    assert found.stdout == "[]\n"
