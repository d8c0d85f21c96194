# SPDX-License-Identifier: MIT-0
"""boto3's clients over a world of plain state, with one fault of AWS at one call.

The clients have the configuration of production, so that the SDK itself tries again, pages and explains. A request is
answered where it would be sent: botocore builds, signs and parses it, and takes the answer, an error, or no answer.
"""

import copy
import io
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import boto3
from botocore import xform_name
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from botocore.response import StreamingBody
from botocore.validate import validate_parameters

from operations.functions import aws_clients
from tests.operations.cloud import RefusedError

OPERATIONS: Final = Path(aws_clients.__file__).parents[1]
_BEGINS: Final = f"{OPERATIONS}/"
PAGE_ITEMS: Final = 100
CHANGES: Final = re.compile(
    r"(Abort|Cancel|Complete|Copy|Create|Delete|Post|Publish|Put|Schedule|Start|Stop|Update|Upload)(?!.*Identity)"
)
# Errors by kind: code and HTTP status.
_ERRORS: Final = {
    "throttled": ("ThrottlingException", 400),
    "server error": ("InternalFailure", 500),
    "denied": ("AccessDeniedException", 403),
}


@dataclass(frozen=True)
class Call:
    """A call of the code: the module below operations/ and the operation, as boto3 names it."""

    module: str
    operation: str


@dataclass(frozen=True)
class Fault:
    """What goes wrong.

    Attributes:
        kind: A key of `_ERRORS`; lost: the request does not arrive; unanswered: it is done, and the answer does not
            arrive; partial: the first page is empty, or a body breaks off; stale: the first answer is as before the
            last change; twice: the same event arrives again during the call.
        call: Where.
        lasting: Whether each attempt fails, or the first alone.
    """

    kind: str
    call: Call
    lasting: bool = False


@dataclass
class World:
    """Plain state and what the services answer over it.

    Attributes:
        state: The state.
        services: Returns what answers each operation, by service and operation.
        before: The state before the event that started the program; of use to a stale answer.
        again: Runs the program once more, over the same state and without a fault.
    """

    state: Any
    services: Callable[[Any], Mapping[str, Callable[[Any], Any]]]
    before: Any = None
    again: Callable[[], object] | None = None
    kit: "Kit" = field(default_factory=lambda: Kit())  # noqa: PLW0108  it is defined below
    fault: Fault | None = None
    fired: int = 0
    page: int = PAGE_ITEMS
    cut: set[Call] = field(default_factory=set)
    seen: dict[Call, str] = field(default_factory=dict)
    _asked: threading.local = field(default_factory=threading.local)
    _lock: Any = field(default_factory=threading.RLock)

    def clients(self, config: Config, region: str = "us-east-1") -> Callable[[str], Any]:
        """Return a factory of clients with that configuration."""
        return lambda service: self.kit.client(self, service, config, region)

    def _note(self, params: dict[str, Any], model: Any, **_: object) -> None:
        self._asked.now = (params, model, Call(_calling_module(), xform_name(model.name)))

    def _send(self, client: Any) -> AWSResponse:
        asked, model, call = self._asked.now
        with self._lock:
            self.seen.setdefault(call, f"{client.meta.service_model.service_name}")
            answer, code, status = self._answered(client, asked, model, call)
        response = AWSResponse("", 200, {}, _Raw(_empty_body(client, model)))
        self._asked.now = (asked, model, call)
        self._asked.answer = (answer, code, status, response)
        return response

    def _answered(self, client: Any, asked: dict[str, Any], model: Any, call: Call) -> tuple[dict[str, Any], str, int]:
        fault = self.fault if self.fault and self.fault.call == call else None
        if fault and (fault.lasting or not self.fired):
            if fault.kind in _ERRORS:
                self.fired += 1
                return {"Error": {"Code": _ERRORS[fault.kind][0], "Message": "It is said so"}}, *_ERRORS[fault.kind]
            if fault.kind == "lost":
                self.fired += 1
                raise ConnectTimeoutError(endpoint_url="https://aws")
            if fault.kind == "unanswered":
                self.fired += 1
                self._do(client, asked, model, self.state)
                raise ReadTimeoutError(endpoint_url="https://aws")
            if fault.kind == "partial" and (client.can_paginate(call.operation) or model.has_streaming_output):
                self.fired += 1
                answer, code, status = self._do(client, asked, model, self.state, empty=True)
                return answer, code, status
            if fault.kind == "stale" and self.before is not None and not _is_strong(client, model):
                self.fired += 1
                return self._do(client, asked, model, self.before)
            if fault.kind == "twice" and self.again:
                self.fired += 1
                again, self.fault = self.again, None
                again()
        return self._do(client, asked, model, self.state)

    def _do(
        self, client: Any, asked: dict[str, Any], model: Any, state: Any, *, empty: bool = False
    ) -> tuple[dict[str, Any], str, int]:
        if CHANGES.match(model.name) and state is self.state:
            self.before = copy.deepcopy(state)
        name = f"{client.meta.service_model.service_name} {model.name}"
        handler = self.services(state).get(name)
        assert handler, f"{name}: the world has no answer"
        try:
            answer = dict(handler({**asked, "Region": client.meta.region_name}) or {})
        except LookupError:
            if state is self.state:
                raise
            return {"Error": {"Code": "ResourceNotFound", "Message": "Not found"}}, "ResourceNotFound", 400
        except RefusedError as refused:
            code = refused.answer["Error"]["Code"]
            return dict(refused.answer), code, 404 if code == "404" else 400
        if model.has_streaming_output:
            content = answer["Body"]
            answer["Body"] = StreamingBody(io.BytesIO(content[: len(content) // 2] if empty else content), len(content))
        elif model.output_shape:
            whole = sum(len(each) for each in answer.values() if isinstance(each, list))
            answer = _paged(client, model, asked, answer, 0 if empty else self.page)
            if whole > sum(len(each) for each in answer.values() if isinstance(each, list)) >= PAGE_ITEMS:
                self.cut.add(self._asked.now[2])
            validate_parameters(answer, model.output_shape)
        return answer, "", 200

    def _receive(self, parsed_response: dict[str, Any] | None, **_: object) -> None:
        if parsed_response is None:
            return
        answer, code, status, response = self._asked.answer
        metadata = parsed_response.get("ResponseMetadata", {}) | {"HTTPStatusCode": status}
        parsed_response.clear()
        parsed_response.update(answer | {"ResponseMetadata": metadata})
        if code:
            response.status_code = status


class Kit:
    """Clients that some worlds use, one after the other: to make one takes as long as many calls.

    A client has a budget of retries, which some lasting faults use up.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[str, int, str], Any] = {}
        self._world: World | None = None

    def _now(self) -> World:
        assert self._world
        return self._world

    def client(self, world: World, service: str, config: Config, region: str) -> Any:
        """Return the client, which from now on asks `world`."""
        self._world = world
        key = (service, id(config), region)
        if key not in self._made:
            keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
            client = boto3.client(service, region_name=region, config=config, **keys)
            events = client.meta.events
            events.register_first("before-parameter-build", lambda **given: self._now()._note(**given))
            events.register_first("before-send", lambda **_: self._now()._send(client))
            events.register_first("response-received", lambda **given: self._now()._receive(**given))
            self._made[key] = aws_clients.name_unanswered_calls(client)
        return self._made[key]


class _Raw(io.BytesIO):
    """The body of an answer, as urllib3 hands it over."""

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.getvalue()


def _empty_body(client: Any, model: Any) -> bytes:
    protocol = client.meta.service_model.resolved_protocol
    if "xml" in protocol or protocol == "query":
        return f"<{model.name}Response><{model.name}Result/></{model.name}Response>".encode()
    return b"{}"


def _is_strong(client: Any, model: Any) -> bool:
    """Return whether a stale answer cannot be: S3 and the identity of STS are consistent, and a change is no look."""
    return client.meta.service_model.service_name in ("s3", "sts") or bool(CHANGES.match(model.name))


def _calling_module() -> str:
    frame = sys._getframe(1)
    while frame:
        if frame.f_code.co_filename.startswith(_BEGINS):
            return frame.f_code.co_filename.removeprefix(_BEGINS)
        frame = frame.f_back  # type: ignore[assignment]
    raise AssertionError("a call from outside operations/")


_PAGINATIONS: Final[dict[tuple[str, str], dict[str, Any]]] = {}


def _pagination(client: Any, operation: str) -> dict[str, Any]:
    """Return how botocore pages an operation; empty if it does not."""
    key = (client.meta.service_model.service_name, operation)
    if key not in _PAGINATIONS:
        pages = client.can_paginate(operation)
        _PAGINATIONS[key] = client.get_paginator(operation)._pagination_cfg if pages else {}
    return _PAGINATIONS[key]


def _paged(client: Any, model: Any, asked: dict[str, Any], answer: dict[str, Any], size: int) -> dict[str, Any]:
    """Return one page of the answer to a list operation: up to `size` items, and a token if there are more."""
    config = _pagination(client, xform_name(model.name))
    if not config:
        return answer
    given, told = (
        each if isinstance(each, list) else [each] for each in (config["input_token"], config["output_token"])
    )
    keys = [each for each in _list(config["result_key"]) if answer.get(each)]
    tokens = [each.split("||")[0].strip() for each in told]
    begin = int(asked.get(given[0], 0) or 0)
    end = begin + min(int(asked.get(config.get("limit_key", ""), size)), size)
    if not keys or (end >= max(len(answer[key]) for key in keys) and size):
        return answer | {key: answer[key][begin:] for key in keys}
    members = model.output_shape.members
    marks = {each: end if members[each].type_name == "integer" else str(end) for each in tokens if each in members}
    more = {config["more_results"]: True} if config.get("more_results") in members else {}
    counted = {"KeyCount": end - begin} if "KeyCount" in answer else {}
    return answer | {key: answer[key][begin:end] for key in keys} | marks | more | counted


def _list(given: Any) -> list[str]:
    return given if isinstance(given, list) else [given]
