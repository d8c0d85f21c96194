# SPDX-License-Identifier: MIT-0
"""An account with one deployment in it: boto3's clients, whose requests and answers botocore checks, over plain state.

It refuses what the services refuse, as far as a teardown can run into it: a pipeline or a state machine with a
running execution, endpoint stacks without the role that deletes them, a group with packages, a bucket with objects.
"""

import functools
import json
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import boto3
from botocore.awsrequest import AWSResponse
from botocore.validate import validate_parameters

from operations.account.deployment_account import Account
from tests.operations.state import REGION, State

_CHANGES: Final = re.compile(r"(Delete|Stop|Deregister|BatchDelete|Schedule|Cancel|Update|Abort)")


class RefusedError(Exception):
    """What a service answers instead of doing it."""

    def __init__(self, code: str, message: str = "No.") -> None:
        super().__init__(code)
        self.answer = {"Error": {"Code": code, "Message": message}}


class Cloud:
    """The account.

    Attributes:
        state: What is in it.
        log: Each change, in order.
        crash: Number of the change after which the user presses Ctrl-C; 0 for never.
    """

    def __init__(
        self, services: Callable[[State], dict[str, Any]], state: State | None = None, region: str = REGION
    ) -> None:
        self.state, self.region = state or State(), region
        self.services = services(self.state)
        self.log: list[str] = []
        self.crash = 0
        self.client = functools.cache(self._client)

    def account(self) -> Account:
        """Return it as a command sees it; nothing waits."""
        return Account("skin-lesion", self.client, lambda _seconds: self.state.pass_time())

    def cdk(self, arguments: Sequence[str]) -> int:
        """Stand in for the CDK's command line."""
        ids = [word for word in arguments[1:] if word[0].isupper()]
        self._changed(f"cdk {arguments[0]} {' '.join(ids)}")
        return max(self.state.destroy(part.lower()) for part in ids)

    def _client(self, service: str) -> Any:
        """Return the one client of the service, which from now on asks this cloud."""
        made = _made(service, self.region, self.state.account)
        for event, handler in (("before-parameter-build", _keep), ("before-call", self._answer)):
            made.meta.events.unregister(event, unique_id=event)
            made.meta.events.register(event, handler, unique_id=event)
        return made

    def _answer(self, model: Any, context: dict[str, Any], **_: object) -> tuple[AWSResponse, Any]:
        operation = f"{model.service_model.service_name} {model.name}"
        handler = self.services.get(operation)
        if handler is None:
            raise AssertionError(f"{operation}: nobody arranged an answer")
        try:
            parsed = handler(context["asked"]) or {}
        except RefusedError as refused:
            parsed, status = dict(refused.answer), 400
        else:
            status = 200
            if model.output_shape:
                validate_parameters(parsed, model.output_shape)
        if _CHANGES.match(model.name):
            self._changed(f"{operation} {_subject(context['asked'])}")
        return AWSResponse("", status, {}, None), {**parsed, "ResponseMetadata": {"HTTPStatusCode": status}}

    def _changed(self, what: str) -> None:
        self.log.append(what)
        if len(self.log) == self.crash:
            raise KeyboardInterrupt


@functools.cache
def _made(service: str, region: str, _account: str) -> Any:
    """Return a client of these tests' own: those of service.py are stubbed one test at a time."""
    return boto3.client(service, region_name=region, aws_access_key_id="none", aws_secret_access_key="none")  # noqa: S106


def _keep(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    context["asked"] = dict(params)


def _subject(asked: dict[str, Any]) -> str:
    """Return what a request is about: the last part of its first value, or, of a longer one, its JSON."""
    value = next((value for key, value in asked.items() if key not in ("clientRequestToken", "ServiceNamespace")), "")
    return value.rpartition(":")[2] if isinstance(value, str) else json.dumps(value)
