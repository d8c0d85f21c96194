# SPDX-License-Identifier: MIT-0
"""The model server of ONNX models answers as SageMaker asks, over a real socket."""

import gzip
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event

import pytest

from pipeline_src import contract
from pipeline_src.algorithms.serving.image_predictor import ImagePredictor
from pipeline_src.algorithms.serving.inference_requests import BODY_LIMIT
from pipeline_src.algorithms.serving.onnx_artifact import write_model
from pipeline_src.algorithms.serving.onnx_server import InferenceApplication
from pipeline_src.class_probabilities import parse_class_probabilities
from tests.jobs.algorithms.sample_pictures import colored, jpeg, png, turned
from tests.jobs.algorithms.serving_process import MODULE, PATIENCE, Server, ready, start
from tests.jobs.algorithms.tiny_model import MANIFEST, onnx_bytes, with_class_maps

REPOSITORY = Path(__file__).parent.parent.parent.parent
IMAGE = contract.IMAGE_CONTENT_TYPE
TYPED = {"Content-Type": IMAGE}
PICTURES = [jpeg(colored(number)) for number in range(20)]


def invocation(body: io.BytesIO) -> dict[str, object]:
    """Return the WSGI environment of an image of three bytes."""
    request = {"PATH_INFO": "/invocations", "REQUEST_METHOD": "POST", "CONTENT_TYPE": IMAGE, "CONTENT_LENGTH": "3"}
    return {**request, "wsgi.input": body}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ml")
    write_model(path / "model", onnx_bytes(), MANIFEST)
    return path


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[Server]:
    running = ready(start(root, "--port", "0"))
    try:
        yield running
    finally:
        running.stop()


def test_a_request_may_ask_for_class_maps_and_the_default_answer_keeps_its_bytes(server: Server) -> None:
    """Without class maps in the model, the request is refused with the reason."""
    asking = {**TYPED, "Accept": "application/json; explain=true"}
    plain = server.ask("POST", "/invocations", PICTURES[0], TYPED)
    refused = server.ask("POST", "/invocations", PICTURES[0], asking)
    assert (refused.status, refused.text[:30]) == (400, "the model has no class maps. A")
    predictor = ImagePredictor(with_class_maps(), MANIFEST)
    assert json.loads(plain.text) == predictor.predict(PICTURES[0])
    answer = predictor.explained_answer(PICTURES[0])
    asked: list[bytes] = []
    application = InferenceApplication(predictor.predict, 1, explain=lambda data: asked.append(data) or answer)
    statuses: list[str] = []
    for accept in ("application/json; explain=true", "application/json;Explain=TRUE", "application/json", ""):
        body = invocation(io.BytesIO(PICTURES[0])) | {"CONTENT_LENGTH": str(len(PICTURES[0])), "HTTP_ACCEPT": accept}
        (text,) = application(body, lambda status, _: statuses.append(status))
        expected = answer if "xplain" in accept else predictor.predict(PICTURES[0])
        assert json.loads(text) == expected
    application.close()
    assert statuses == ["200 OK"] * 4
    assert parse_class_probabilities(json.dumps(answer).encode()) == tuple(predictor.predict(PICTURES[0]))
    assert set(answer["class_maps"]) == {answer["predicted"], contract.MELANOMA}
    assert all(len(rows) == len(rows[0]) == MANIFEST.image_size for rows in answer["class_maps"].values())
    assert len(asked) == 2


def test_ping_is_answered(server: Server) -> None:
    assert server.ask("GET", "/ping").status == 200


@pytest.mark.parametrize("kind", [IMAGE, "image/jpeg", "image/png", "IMAGE/JPEG", "image/jpeg; charset=binary"])
def test_an_image_is_answered_with_one_probability_a_class(server: Server, kind: str) -> None:
    """The first bytes decide what it is, not the content type."""
    for data in (PICTURES[0], png(colored(0))):
        answer = server.ask("POST", "/invocations", data, {"Content-Type": kind})
        assert (answer.status, answer.kind) == (200, "application/json")
        assert sum(parse_class_probabilities(answer.text.encode())) == pytest.approx(1, abs=1e-5)


def test_the_answer_is_the_predictors(server: Server) -> None:
    predictor = ImagePredictor(onnx_bytes(), MANIFEST)
    for data in (*PICTURES, png(colored(1)), turned(PICTURES[1]), turned(png(colored(1)))):
        assert server.scores(data) == predictor.predict(data)


def test_json_lines_are_given_to_who_asks_for_them(server: Server) -> None:
    answer = server.ask("POST", "/invocations", PICTURES[0], {**TYPED, "Accept": "application/jsonlines"})
    assert answer.kind == "application/jsonlines"
    assert json.loads(answer.text) == {"prediction": server.scores(PICTURES[0])}
    assert answer.text.endswith("}\n")


def test_the_same_image_has_the_same_scores_whatever_arrives_beside_it(server: Server) -> None:
    alone = [server.scores(data) for data in PICTURES]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(server.scores, PICTURES * 5)) == alone * 5


@pytest.mark.parametrize("kind", ["text/csv", "application/json", "application/octet-stream", "image/gif", ""])
def test_another_content_type_is_415(server: Server, kind: str) -> None:
    answer = server.ask("POST", "/invocations", PICTURES[0], {"Content-Type": kind})
    assert answer.status == 415
    assert "application/x-image, image/jpeg, image/png." in answer.text


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate", "br", "gzip, identity"])
def test_an_encoded_body_is_415_and_identity_is_none(server: Server, encoding: str) -> None:
    answer = server.ask("POST", "/invocations", gzip.compress(PICTURES[0]), {**TYPED, "Content-Encoding": encoding})
    assert answer.status == 415
    assert f"content encoding '{encoding.lower()}' is not supported" in answer.text
    plain = server.ask("POST", "/invocations", PICTURES[0], {**TYPED, "Content-Encoding": "identity"})
    assert plain.status == 200


@pytest.mark.parametrize("path", ["/ping", "/invocations"])
def test_head_is_405_without_a_body_and_the_connection_goes_on(server: Server, path: str) -> None:
    with server.connect() as connection:
        for _ in range(2):
            connection.sendall(f"HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            answer = b""
            while not answer.endswith(b"\r\n\r\n"):
                answer += connection.recv(1 << 16)
            assert answer.startswith(b"HTTP/1.1 405 ")
            assert b"\r\nAllow: " in answer


def test_a_body_beyond_the_limit_is_413_and_one_at_the_limit_is_read(server: Server) -> None:
    answer = server.ask("POST", "/invocations", b"\0" * (BODY_LIMIT + 1), TYPED)
    assert answer.status == 413
    assert f"{BODY_LIMIT + 1} bytes; at most {BODY_LIMIT}" in answer.text
    assert server.ask("POST", "/invocations", b"\0" * BODY_LIMIT, TYPED).status == 400


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "the body is empty. Send the bytes of a JPEG or PNG file.\n"),
        (b"no image", "the image: neither JPEG nor PNG but an unknown format. Replace the image by the original.\n"),
        (PICTURES[0][:20], "the image: truncated before its first pixel. Replace the image by the original.\n"),
        (PICTURES[0][:-9], "the image: truncated. Replace the image by the original.\n"),
    ],
)
def test_what_cannot_be_decoded_is_400_with_the_reason_and_the_server_goes_on(
    server: Server, body: bytes, text: str
) -> None:
    before = server.scores(PICTURES[1])
    answer = server.ask("POST", "/invocations", body, TYPED)
    assert (answer.status, answer.kind, answer.text) == (400, "text/plain; charset=utf-8", text)
    assert server.scores(PICTURES[1]) == before


def test_another_method_is_405_and_says_which_one_to_use(server: Server) -> None:
    assert server.ask("GET", "/invocations")[0::3] == (405, "POST")
    assert server.ask("POST", "/ping", b"", TYPED)[0::3] == (405, "GET")


def test_another_path_is_404(server: Server) -> None:
    assert server.ask("GET", "/models").status == 404


def test_a_defect_is_500_without_its_details(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(_: bytes) -> list[float]:
        raise RuntimeError("secret")

    application = InferenceApplication(broken, workers=1)
    started: list[str] = []
    text = application(invocation(io.BytesIO(b"abc")), lambda status, _: started.append(status))
    application.close()
    assert started == ["500 Internal Server Error"]
    assert b"secret" not in b"".join(text)
    assert "RuntimeError: secret" in capsys.readouterr().err


def test_ping_is_answered_while_every_worker_computes() -> None:
    begun, free = Event(), Event()

    def slow(_: bytes) -> list[float]:
        begun.set()
        free.wait()
        return [1.0]

    application = InferenceApplication(slow, workers=1)
    started: list[str] = []

    def ask(request: dict[str, object]) -> object:
        return application(request, lambda status, _: started.append(status))

    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(ask, invocation(io.BytesIO(b"abc"))) for _ in range(2)]
        begun.wait()
        try:
            ping = pool.submit(ask, {"PATH_INFO": "/ping", "REQUEST_METHOD": "GET"})
            assert ping.result(PATIENCE) == [b""]
            assert started == ["200 OK"]
        finally:
            free.set()
        assert [each.result() for each in waiting] == [[b"[1.0]"]] * 2
    application.close()


def test_a_request_beyond_the_queue_is_503_at_once_and_says_when_to_try_again() -> None:
    begun, free = Event(), Event()

    def slow(_: bytes) -> list[float]:
        begun.set()
        free.wait()
        return [1.0]

    application = InferenceApplication(slow, workers=1, queue=2)
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def ask() -> object:
        return application(invocation(io.BytesIO(b"abc")), lambda status, headers: started.append((status, headers)))

    with ThreadPoolExecutor(4) as pool:
        first = [pool.submit(ask) for _ in range(4)]
        begun.wait()
        done, waiting = wait(first, PATIENCE, FIRST_COMPLETED)
        while len(done) < 2:
            done, waiting = wait(first, PATIENCE / 60)
        try:
            assert [status for status, _ in started] == ["503 Service Unavailable"] * 2
            assert all(("Retry-After", "1") in headers for _, headers in started)
        finally:
            free.set()
        assert [each.result() for each in waiting] == [[b"[1.0]"]] * 2
    assert ask() == [b"[1.0]"], "a place is free again"
    application.close()


def test_no_more_images_are_read_than_there_are_workers() -> None:
    """A body that waits stays where the server put it: in a temporary file if it is large."""
    free, reads = Event(), []

    class Body(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            reads.append(size)
            return super().read(size)

    def slow(_: bytes) -> list[float]:
        free.wait()
        return [1.0]

    application = InferenceApplication(slow, workers=2)
    arrived = [Event() for _ in range(6)]

    def ask(number: int) -> None:
        arrived[number].set()
        application(invocation(Body(b"abc")), lambda *_: None)

    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(ask, number) for number in range(6)]
        for each in arrived:
            each.wait()
        found = len(reads)
        free.set()
        for future in asked:
            future.result()
    assert found <= 2
    assert reads == [3] * 6
    application.close()


def test_the_bind_port_of_sagemaker_is_taken(root: Path, server: Server) -> None:
    """A port that is taken shows that the variable is read, with the message of a port that cannot be had."""
    process = start(root, log=subprocess.PIPE, SAGEMAKER_BIND_TO_PORT=str(server.port))
    try:
        _, error = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == contract.EXIT_BAD_INPUT
    assert f"127.0.0.1:{server.port}: cannot listen there (Address already in use)." in error
    assert "Choose another --port or --host." in error


def test_sigterm_ends_it_with_exit_code_0_even_while_clients_are_connected(root: Path) -> None:
    running = ready(start(root, "--port", "0"))
    with running.connect() as idle, running.connect() as half:
        half.sendall(
            b"POST /invocations HTTP/1.1\r\nContent-Type: image/jpeg\r\nContent-Length: 100\r\n\r\n" + b"x" * 50
        )
        assert len(running.scores(PICTURES[0])) == len(contract.CLASS_LABELS)
        assert running.stop() == contract.EXIT_OK
        assert idle.recv(1) == b""


def test_a_model_that_does_not_fit_ends_it_with_the_reason_as_the_last_line(tmp_path: Path) -> None:
    write_model(tmp_path / "model", onnx_bytes(), MANIFEST)
    (tmp_path / "model/model.onnx").write_bytes(onnx_bytes())
    process = start(tmp_path, "--port", "0", log=subprocess.PIPE)
    output, error = process.communicate()
    assert process.returncode == contract.EXIT_BAD_INPUT
    assert output == ""
    assert re.match(rf"{re.escape(str(tmp_path))}/model/model.onnx: SHA-256 \w+ is not \w+", error.splitlines()[-1])


def test_the_server_imports_nothing_that_its_image_lacks() -> None:
    """The image holds its own lock and pipeline_src; the jobs' other packages are blocked here."""
    kept = _names(REPOSITORY / "containers/model_server/requirements.txt")
    blocked = sorted(_names(REPOSITORY / "containers/preprocessing/requirements.txt") - kept | {"onnx", "scikit-learn"})
    assert "matplotlib" in blocked
    program = f"""
import importlib.metadata, sys
blocked = {blocked!r}
modules = [name for name, packages in importlib.metadata.packages_distributions().items()
           if all(package.lower().replace("_", "-") in blocked for package in packages)]
assert "sklearn" in modules and "onnx" in modules, modules
for name in modules:
    sys.modules[name] = None
import {MODULE}
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert found.returncode == 0, found.stderr


def test_every_version_of_the_servers_lock_is_that_of_the_jobs_lock() -> None:
    """The process runner serves with the jobs' interpreter, and has to answer as the image does."""
    server, jobs = (
        _pins(REPOSITORY / f"containers/{name}/requirements.txt") for name in ("model_server", "preprocessing")
    )
    assert {"numpy", "onnxruntime", "opencv-contrib-python-headless", "simplejpeg", "waitress"} <= set(server)
    assert {name: jobs.get(name) for name in server} == server


def _pins(path: Path) -> dict[str, list[str]]:
    """Return the pinned requirements of a lock by package, hashes left out."""
    lines = re.findall(r"^([a-z0-9-]+)==([^\\\n]+?) *\\?$", path.read_text(), re.MULTILINE)
    return {name: [version for each, version in lines if each == name] for name, _ in lines}


def _names(path: Path) -> set[str]:
    return set(_pins(path))
