# SPDX-License-Identifier: MIT-0
"""The smoke test against a server on this machine, over HTTP."""

import json
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from operations.functions import smoke_test
from operations.functions.endpoint_answers import EndpointAnswer, LocalFolder, ServerUrl
from operations.functions.errors import SmokeTestError, UsageError
from pipeline_src.contract import CLASS_LABELS
from tests.operations.evidence import GOLDEN, Memory, answer, files, picture, scores
from tests.operations.web import serving


def _changed(change: Callable[[list[float]], list[float]]) -> Callable[[bytes], EndpointAnswer]:
    """Return an endpoint whose scores are changed."""
    return lambda image: EndpointAnswer(200, "application/json", json.dumps(change(scores(image))).encode())


def test_a_server_that_answers_as_the_evaluation_did_passes(tmp_path: Path) -> None:
    for name, content in files().items():
        (tmp_path / name).write_bytes(content)
    with serving(answer) as url:
        passed = smoke_test.run_smoke_test(LocalFolder(tmp_path), LocalFolder(tmp_path), ServerUrl(url))
    assert [image.image_id for image in passed.images] == GOLDEN
    assert passed.largest == 0
    assert str(passed) == (
        "3 golden images (mel, nv, vasc): the scores differ from the evaluation by 0.0e+00 at most (allowed: 1e-03)"
    )


@pytest.mark.parametrize(
    ("served", "told"),
    [
        (lambda _: EndpointAnswer(503, "text/plain", b"busy"), r"image I2 \(mel\): answered status 503: 'busy'"),
        (lambda _: EndpointAnswer(302, "text/plain", b""), "answered status 302"),
        (lambda image: EndpointAnswer(200, "text/plain", answer(image).body), "answered content type 'text/plain'"),
        (lambda _: EndpointAnswer(200, "application/json", b"[NaN" + b", 0.1" * 6 + b"]"), "answered mel: nan"),
        (
            _changed(lambda found: [found[0] + 2e-3, found[1] - 2e-3, *found[2:]]),
            r"differ by 2\.0e-03, more than 1e-03",
        ),
        (
            _changed(lambda found: [*found[1:], found[0]]),
            f"in the order {', '.join((*CLASS_LABELS[1:], 'mel'))}, not mel",
        ),
    ],
)
def test_a_server_that_breaks_a_rule_is_refused_by_its_address(
    served: Callable[[bytes], EndpointAnswer], told: str
) -> None:
    with serving(served) as url, pytest.raises(SmokeTestError, match=f"{url}.*{told}"):
        smoke_test.run_smoke_test(Memory(), Memory(), ServerUrl(url))


def test_a_picture_whose_bytes_were_tampered_with_is_named() -> None:
    tampered = Memory({**files(), "I4.jpg": picture("I4") + b"."})
    with serving(answer) as url, pytest.raises(SmokeTestError, match=r"image I4 \(nv\): .*the image was changed"):
        smoke_test.run_smoke_test(Memory(), tampered, ServerUrl(url))


@pytest.mark.parametrize("name", ["I4.jpg", "predictions.csv"])
def test_a_missing_picture_or_table_is_named(name: str) -> None:
    rest = Memory({key: content for key, content in files().items() if key != name})
    with serving(answer) as url, pytest.raises(SmokeTestError, match=f"memory/{name}: is not there"):
        smoke_test.run_smoke_test(rest, rest, ServerUrl(url))


def test_a_server_that_is_not_there_is_said_so() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(SmokeTestError, match=f"http://127.0.0.1:{port}/x: no answer: .*refused. Start the server"):
        smoke_test.run_smoke_test(Memory(), Memory(), ServerUrl(f"http://127.0.0.1:{port}/x"))


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "file:///etc/hosts", "http://", "endpoint"])
def test_what_is_no_url_of_a_server_is_a_usage_error(url: str) -> None:
    with pytest.raises(UsageError, match=r"is not a URL such as http://127\.0\.0\.1:8080/invocations"):
        smoke_test.run_smoke_test(Memory(), Memory(), ServerUrl(url))


def test_a_server_that_hangs_up_is_no_answer() -> None:
    with serving(lambda _: None) as url, pytest.raises(SmokeTestError, match=r"no answer: .*without response"):
        smoke_test.run_smoke_test(Memory(), Memory(), ServerUrl(url))
