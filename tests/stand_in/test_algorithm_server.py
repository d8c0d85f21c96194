# SPDX-License-Identifier: MIT-0
"""The model server answers as the built-in algorithm's does, over a real socket."""

import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest

from local.builtin_stand_in.inference_server import ImagePredictor, wsgi_application
from pipeline_src import contract
from pipeline_src.algorithms.serving.inference_requests import BODY_LIMIT
from tests.stand_in.conftest import COLORS, colored, jpeg
from tests.stand_in.running import IMAGE, Server, ready, start

TYPED = {"Content-Type": IMAGE}
PICTURES = [jpeg(colored(k % 7, 7000 + k, side=64)) for k in range(21)]


@pytest.fixture(scope="module")
def server(trained: Path) -> Iterator[Server]:
    process = start(trained, "--port", "0")
    try:
        yield ready(process)
    finally:
        process.terminate()
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


def test_ping_is_answered(server: Server) -> None:
    assert server.ask("GET", "/ping").status == 200


@pytest.mark.parametrize("kind", [IMAGE, "image/jpeg", "IMAGE/JPEG", "image/jpeg; charset=binary"])
def test_an_image_is_answered_with_one_probability_a_class(server: Server, kind: str) -> None:
    scores = server.scores(PICTURES[0], kind)
    assert len(scores) == len(contract.CLASS_LABELS)
    assert all(0 <= score <= 1 for score in scores)
    assert sum(scores) == pytest.approx(1, abs=1e-5)


def test_scores_stand_in_the_order_of_the_labels(server: Server) -> None:
    best = [max(range(7), key=server.scores(data).__getitem__) for data in PICTURES]
    right = sum(label == k % len(COLORS) for k, label in enumerate(best))
    assert right >= 18


def test_json_lines_are_given_to_who_asks_for_them(server: Server) -> None:
    answer = server.ask("POST", "/invocations", PICTURES[0], {**TYPED, "Accept": "application/jsonlines"})
    assert answer.kind == "application/jsonlines"
    assert json.loads(answer.text) == {"prediction": server.scores(PICTURES[0])}
    assert answer.text.endswith("}\n")


def test_the_same_image_has_the_same_scores_whatever_arrives_beside_it(server: Server) -> None:
    alone = [server.scores(data) for data in PICTURES]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(server.scores, PICTURES * 5))
    assert together == alone * 5


@pytest.mark.parametrize("kind", ["text/csv", "application/json", "application/octet-stream", "image/png", ""])
def test_another_content_type_is_415(server: Server, kind: str) -> None:
    answer = server.ask("POST", "/invocations", PICTURES[0], {"Content-Type": kind})
    assert answer.status == 415
    assert "application/x-image, image/jpeg." in answer.text


def test_a_body_beyond_the_limit_is_413_and_one_at_the_limit_is_read(server: Server) -> None:
    answer = server.ask("POST", "/invocations", b"\0" * (BODY_LIMIT + 1), TYPED)
    assert answer.status == 413
    assert f"{BODY_LIMIT + 1} bytes; at most {BODY_LIMIT}" in answer.text
    assert server.ask("POST", "/invocations", b"\0" * BODY_LIMIT, TYPED).status == 400


@pytest.mark.parametrize("body", [b"", b"no image", PICTURES[0][:200], b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n" * 9])
def test_what_cannot_be_decoded_is_400_with_the_reason_and_the_server_goes_on(server: Server, body: bytes) -> None:
    before = server.scores(PICTURES[1])
    answer = server.ask("POST", "/invocations", body, TYPED)
    assert answer.status == 400
    assert "Send " in answer.text
    assert server.scores(PICTURES[1]) == before


def test_a_defect_is_500_without_its_details(capsys: pytest.CaptureFixture[str]) -> None:
    class Broken:
        image_shape = (3, 12, 12)

        def scores(self, _image: object) -> list[float]:
            raise RuntimeError("secret")

    answer = wsgi_application(cast("ImagePredictor", Broken()))
    body = {"CONTENT_TYPE": IMAGE, "CONTENT_LENGTH": str(len(PICTURES[0])), "wsgi.input": io.BytesIO(PICTURES[0])}
    started: list[str] = []
    request = {"PATH_INFO": "/invocations", "REQUEST_METHOD": "POST", **body}
    text = answer(request, lambda status, _: started.append(status))
    assert started == ["500 Internal Server Error"]
    assert b"secret" not in b"".join(text)
    assert "RuntimeError: secret" in capsys.readouterr().err


def test_another_method_is_405_and_says_which_one_to_use(server: Server) -> None:
    assert server.ask("GET", "/invocations")[0::3] == (405, "POST")
    assert server.ask("POST", "/ping", b"", TYPED)[0::3] == (405, "GET")


def test_an_encoded_body_is_415(server: Server) -> None:
    answer = server.ask("POST", "/invocations", PICTURES[0], {**TYPED, "Content-Encoding": "gzip"})
    assert answer.status == 415
    assert "content encoding 'gzip' is not supported" in answer.text


def test_another_path_is_404(server: Server) -> None:
    assert server.ask("GET", "/models").status == 404
