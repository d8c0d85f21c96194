# SPDX-License-Identifier: MIT-0
"""Whether a request is allowed, by the policies of both sides, as AWS evaluates them.

The library that simulation.mjs asks knows identity, resource, trust and key policies, every operator of conditions,
and that a request into another account needs both sides. Source of what it follows: IAM User Guide, "Policy
evaluation logic" and "Cross-account policy evaluation logic".
"""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

Document = Mapping[str, Any]
_SCRIPT: Final = Path(__file__).with_name("simulation.mjs")
# The library leaves this key out of a request, because what follows its last colon is free. Another key whose end is
# free, and which no policy here uses, takes its place in policy and request alike.
_CONTEXT: Final = "kms:EncryptionContext:"
_STANDS_FOR_CONTEXT: Final = "aws:PrincipalTag/context:"
_ANYTHING: Final = {"Effect": "Allow", "Action": "*", "Resource": "*"}
# A key may have several aliases, so a request tells of a list of them.
_LISTS: Final = ("kms:ResourceAliases",)
# Policies of a role that lets it do anything, for a question about the other side alone.
GENEROUS: Final[Document] = {"Version": "2012-10-17", "Statement": [_ANYTHING]}


@dataclass(frozen=True)
class Request:
    """One request of a role.

    Attributes:
        role: ARN of the role.
        action: Such as s3:GetObject.
        resource: ARN of one thing, without wildcards.
        account: Account that the resource lies in, which an ARN of S3 does not say.
        context: Condition keys that come with the request, besides those that tell of the role and of TLS.
    """

    role: str
    action: str
    resource: str
    account: str
    context: Mapping[str, str] = field(default_factory=dict)

    @property
    def caller(self) -> str:
        """Account of the role."""
        return self.role.split(":")[4]

    def __str__(self) -> str:
        """Return it in words."""
        with_it = "".join(f", {key}={value}" for key, value in self.context.items())
        return f"{self.role.partition('::')[2]} does {self.action} on {self.resource}{with_it}"


@dataclass(frozen=True)
class Question:
    """A request, and the policies that decide on it.

    Attributes:
        request: What is asked for.
        identity: Policies of the role.
        resource: Policy of the resource: of a bucket, a key, a topic, or who may assume a role. None: it has none.
    """

    request: Request
    identity: Sequence[Document]
    resource: Document | None


class SimulationError(Exception):
    """A question that the library cannot answer."""


def welcoming(request: Request) -> Document:
    """Return a resource's policy that leaves all to the policies of the role, for a question about those alone."""
    statement = {**_ANYTHING, "Principal": {"AWS": f"arn:aws:iam::{request.caller}:root"}}
    if request.action.startswith("sts:"):
        statement = {**statement, "Action": "sts:*"}
        del statement["Resource"]
    return {"Version": "2012-10-17", "Statement": [statement]}


def allowed(questions: Sequence[Question]) -> list[bool]:
    """Return for each question whether the request is allowed.

    Raises:
        SimulationError: The library does not take one, which is no denial.
    """
    asked = [json.dumps(_simulation(each), sort_keys=True) for each in questions]
    new = [each for each in dict.fromkeys(asked) if each not in _known()]
    if new:
        _known().update(zip(new, _answers(f"[{','.join(new)}]"), strict=True))
    return list(_judged(questions, [_known()[each] for each in asked]))


def _judged(questions: Sequence[Question], answers: list[Any]) -> Iterator[bool]:
    for question, answer in zip(questions, answers, strict=True):
        if not isinstance(answer, bool):
            raise SimulationError(f"{question.request}: {answer}. See tests/proof/simulation.mjs.")
        yield answer


def _simulation(question: Question) -> dict[str, Any]:
    request = question.request
    account, role = request.caller, request.role.rpartition("/")[2]
    context = {"aws:PrincipalArn": request.role, "aws:PrincipalAccount": account, "aws:SecureTransport": "true"}
    told = {key: [value] if key in _LISTS else value for key, value in request.context.items()}
    tls = {"s3:TlsVersion": "1.3"} if request.action.startswith("s3:") else {}
    simulation = {
        "request": {
            "principal": f"arn:aws:sts::{account}:assumed-role/{role}/session",
            "action": request.action,
            "resource": {"resource": request.resource, "accountId": request.account},
            "contextVariables": {**context, **tls, **told},
        },
        "identityPolicies": [{"name": str(n), "policy": each} for n, each in enumerate(question.identity)],
        "resourcePolicy": question.resource,
        "serviceControlPolicies": [],
        "resourceControlPolicies": [],
    }
    return dict(json.loads(json.dumps(simulation).replace(_CONTEXT, _STANDS_FOR_CONTEXT)))


@cache
def _known() -> dict[str, Any]:
    """Return the answers so far; most of what one mistake in a template changes is nothing."""
    return {}


@cache
def _library() -> "subprocess.Popen[str]":
    """Return the library's process, which ends with this one, whose end closes its standard input."""
    node = shutil.which("node")
    if node is None:
        raise SimulationError("node: not found. Install Node.js and run npm ci.")
    return subprocess.Popen([node, str(_SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _answers(questions: str) -> list[Any]:
    library = _library()
    if library.stdin is None or library.stdout is None:
        raise SimulationError("the library's process has no pipes")
    library.stdin.write(f"{questions}\n")
    library.stdin.flush()
    line = library.stdout.readline()
    if not line:
        raise SimulationError(f"{_SCRIPT.name} ended. Run npm ci, then `make test` again.")
    return list(json.loads(line))
