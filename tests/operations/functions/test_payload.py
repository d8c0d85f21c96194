# SPDX-License-Identifier: MIT-0
"""What the functions are told."""

from dataclasses import fields
from typing import Any

import pytest

from operations.functions import function_payloads
from operations.functions.errors import UsageError

RETRAIN = {"pipeline": "skin-lesion", "bucket": "raw", "archive": "", "commit": "", "reason": "push"} | {
    "champion": "/skin-lesion/champion",
    "compare": "champion",
}


def test_a_payload_has_the_keys_that_the_stacks_send() -> None:
    keys = {kind.__name__: [field.name for field in fields(kind)] for kind in _KINDS}
    assert keys == {
        "RetrainRequest": [
            *("pipeline", "bucket", "archive", "commit", "reason", "champion", "compare", "addition", "warm_start")
        ],
        "RetrainResult": ["execution", "started", "message"],
        "ReleaseRequest": ["detail", "delivery", "champion"],
        "ReleaseResult": ["started", "execution", "message"],
        "SmokeRequest": ["endpoint", "package", "access", "region", "champion"],
        "PublishRequest": ["package", "bucket", "region", "access", "images"],
        "PromoteRequest": ["endpoint", "package", "champion", "access", "region", "bucket"],
        "RejectionRequest": ["detail", "champion", "topic"],
        "TallyRequest": ["bucket", "key", "namespace"],
        "MonitorRequest": [
            *("image", "role", "key", "instance", "network"),
            *("name", "window", "time", "endpoint", "capture", "labels", "reports", "champion", "minutes"),
        ],
        "JudgeRequest": ["job", "reports", "namespace", "topic", "machine"],
    }


_KINDS: tuple[Any, ...] = (
    function_payloads.RetrainRequest,
    function_payloads.RetrainResult,
    function_payloads.ReleaseRequest,
    function_payloads.ReleaseResult,
    function_payloads.SmokeRequest,
    function_payloads.PublishRequest,
    function_payloads.PromoteRequest,
    function_payloads.RejectionRequest,
    function_payloads.TallyRequest,
    function_payloads.MonitorRequest,
    function_payloads.JudgeRequest,
)


def test_an_archive_and_a_commit_may_be_left_empty() -> None:
    assert function_payloads.read_payload(
        function_payloads.RetrainRequest, RETRAIN
    ) == function_payloads.RetrainRequest(**RETRAIN)


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (None, r"payload of retrain: needs exactly the keys pipeline, .* \(found: NoneType\)"),
        ({}, r"\(found: none\)"),
        ({**RETRAIN, "region": "x"}, r"found: archive, bucket, champion, commit, compare, pipeline, reason, region"),
        ({key: value for key, value in RETRAIN.items() if key != "commit"}, "needs exactly the keys"),
        ({**RETRAIN, "bucket": ""}, "bucket '': is not a non-empty string"),
        ({**RETRAIN, "archive": None}, "archive None: is not a non-empty string"),
        ({**RETRAIN, "reason": "whim"}, "reason 'whim': is not one of push, schedule, data, drift, manual"),
        ({**RETRAIN, "champion": ""}, "champion '': is not a non-empty string"),
        ({**RETRAIN, "compare": "itself"}, "compare 'itself': is not one of champion, nothing"),
    ],
)
def test_a_payload_with_other_keys_or_values_is_refused_by_name(event: object, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        function_payloads.read_payload(function_payloads.RetrainRequest, event)


@pytest.mark.parametrize("more", [{}, {"access": "", "region": ""}, {"access": "arn", "region": "eu-west-1"}])
def test_what_leads_elsewhere_may_be_left_out_or_empty(more: dict[str, str]) -> None:
    request = function_payloads.read_payload(function_payloads.SmokeRequest, {"endpoint": "e", "package": "p", **more})
    assert (request.access, request.region) == (more.get("access", ""), more.get("region", ""))


def test_a_key_that_no_stage_has_is_refused_although_others_may_be_left_out() -> None:
    with pytest.raises(UsageError, match="needs exactly the keys endpoint, package, and takes access, region"):
        function_payloads.read_payload(
            function_payloads.SmokeRequest, {"endpoint": "e", "package": "p", "acces": "arn"}
        )


@pytest.mark.parametrize("detail", ["", "arn", ["arn"], None])
def test_the_detail_of_an_event_is_an_object(detail: object) -> None:
    with pytest.raises(UsageError, match=r"payload of release: detail .*: is not an object\. Give that of the"):
        function_payloads.read_payload(
            function_payloads.ReleaseRequest, {"detail": detail, "delivery": "d", "champion": "c"}
        )
