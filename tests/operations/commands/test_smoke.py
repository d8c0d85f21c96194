# SPDX-License-Identifier: MIT-0
"""`smoke` by hand: a table of what was answered, and an exit code that a script can use."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.response import StreamingBody

from operations.functions.endpoint_answers import EndpointAnswer
from tests.operations.evidence import answer, picture, table
from tests.operations.service import PACKAGE, Services
from tests.operations.shell import run
from tests.operations.web import serving

GOLDEN = ("I2", "I4", "I9")


@pytest.fixture
def folders(tmp_path: Path) -> tuple[str, ...]:
    """A run's folders, as options."""
    (tmp_path / "predictions.csv").write_bytes(table())
    for name in GOLDEN:
        (tmp_path / f"{name}.jpg").write_bytes(picture(name))
    return ("--evaluation", str(tmp_path), "--holdout", str(tmp_path))


def smoke(
    aws: Services, folders: tuple[str, ...], answering: Callable[[bytes], EndpointAnswer | None]
) -> tuple[int, str]:
    with serving(answering) as url:
        result = run(aws, "smoke", "--url", url, *folders)
    return result.exit_code, result.output


def test_a_server_that_answers_as_evaluated_passes_with_a_row_an_image(aws: Services, folders: tuple[str, ...]) -> None:
    code, output = smoke(aws, folders, answer)
    assert code == 0, output
    rows = [line.split() for line in output.splitlines()[1:4]]
    assert [row[:2] for row in rows] == [["I2", "mel"], ["I4", "nv"], ["I9", "vasc"]]
    assert "passed: 3 golden images" in output


def test_another_model_fails_and_the_row_shows_by_how_much(aws: Services, folders: tuple[str, ...]) -> None:
    code, output = smoke(aws, folders, lambda image: answer(image[::-1]))
    assert code == 1
    assert output.count("too much") == 3
    assert "error: http" in output


def test_no_answer_is_shown_as_one(aws: Services, folders: tuple[str, ...]) -> None:
    code, output = smoke(aws, folders, lambda _: EndpointAnswer(500, "text/plain", b"out of memory"))
    assert code == 1
    assert "no answer" in output
    assert "out of memory" in output


def content(data: bytes) -> StreamingBody:
    return StreamingBody(io.BytesIO(data), len(data))


def test_an_endpoint_is_held_to_the_evaluation_of_the_package_that_it_serves(aws: Services) -> None:
    aws.endpoint("staging")
    aws.stubs["sagemaker"]._queue.popleft()  # the status, which nobody asks for here
    aws.package()
    table_ = {"Bucket": "runs", "Key": "runs/abc/evaluate/evaluation/predictions.csv"}
    for _ in range(2):
        aws.answers("s3", "get_object", {"Body": content(table())}, **table_)
    for name in GOLDEN:
        key = f"runs/abc/preprocess/holdout/{name}.jpg"
        aws.answers("s3", "get_object", {"Body": content(picture(name))}, Bucket="runs", Key=key)
        given = {"Body": content(answer(picture(name)).body), "ContentType": "application/json"}
        aws.answers("sagemaker-runtime", "invoke_endpoint", given)
    result = run(aws, "smoke", "--endpoint", "staging")
    assert result.exit_code == 0, result.output
    assert "endpoint 'staging': passed" in result.output


def test_an_endpoint_that_does_not_say_what_it_serves_needs_the_package_named(aws: Services) -> None:
    aws.endpoint("staging", arn="")
    aws.stubs["sagemaker"]._queue.popleft()
    result = run(aws, "smoke", "--endpoint", "staging")
    assert (result.exit_code, 'make smoke ENDPOINT=staging ARGS="--package ARN"' in result.output) == (2, True)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--package", PACKAGE),
        ("--url", "http://127.0.0.1:1/"),
        ("--url", "http://127.0.0.1:1/", "--evaluation", "a", "--holdout", "b", "--endpoint", "c"),
    ],
)
def test_anything_but_an_endpoint_or_a_server_with_its_folders_is_bad_usage(
    aws: Services, words: tuple[str, ...]
) -> None:
    assert run(aws, "smoke", *words).exit_code == 2
