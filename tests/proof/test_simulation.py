# SPDX-License-Identifier: MIT-0
"""What the evaluation of policies is trusted with, by the rules that IAM documents for two accounts."""

from dataclasses import replace
from typing import Any, Final

import pytest

from tests.proof.simulation import GENEROUS, Question, Request, SimulationError, allowed, welcoming

_HERE, _THERE = "111122223333", "222233334444"
_ROLE: Final = f"arn:aws:iam::{_HERE}:role/publish"
_PUT: Final = Request(_ROLE, "s3:PutObject", "arn:aws:s3:::there/models/1", _THERE)
_KEY: Final = Request(
    _ROLE,
    "kms:Decrypt",
    f"arn:aws:kms:eu-west-1:{_THERE}:key/0a1b2c3d-1111-4222-8333-444455556666",
    _THERE,
    {"kms:ViaService": "s3.eu-west-1.amazonaws.com", "kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::there"},
)
_ASSUME: Final = Request(_ROLE, "sts:AssumeRole", f"arn:aws:iam::{_THERE}:role/access", _THERE)


def policy(action: str, condition: dict[str, Any], *, effect: str = "Allow", resource: str = "*") -> dict[str, Any]:
    """Return a resource's policy for the whole account of the role."""
    principal = {"AWS": f"arn:aws:iam::{_HERE}:root"}
    statement = {"Effect": effect, "Action": action, "Principal": principal, "Condition": condition}
    rest = {} if action.startswith("sts:") else {"Resource": resource}
    return {"Version": "2012-10-17", "Statement": [{**statement, **rest}]}


def one(request: Request, resource: Any, *identity: Any) -> bool:
    """Return whether one request is allowed."""
    return allowed([Question(request, identity, resource)])[0]


@pytest.mark.parametrize("request_", [_PUT, _KEY, _ASSUME], ids=lambda each: each.action)
def test_both_sides_have_to_allow(request_: Request) -> None:
    assert one(request_, welcoming(request_), GENEROUS)
    assert not one(request_, welcoming(request_))
    assert not one(request_, None, GENEROUS)


@pytest.mark.parametrize("request_", [_PUT, _KEY, _ASSUME], ids=lambda each: each.action)
def test_a_condition_on_the_role_lets_in_that_role_alone(request_: Request) -> None:
    given = policy(request_.action, {"ArnEquals": {"aws:PrincipalArn": [_ROLE]}})
    assert one(request_, given, GENEROUS)
    assert not one(replace(request_, role=f"{_ROLE}-2"), given, GENEROUS)
    assert not one(replace(request_, role=_ROLE.replace(_HERE, "333344445555")), given, GENEROUS)


@pytest.mark.parametrize(("key", "value"), _KEY.context.items())
def test_a_condition_on_the_context_counts(key: str, value: str) -> None:
    assert one(_KEY, policy("kms:Decrypt", {"StringEquals": {key: value}}), GENEROUS)
    assert not one(_KEY, policy("kms:Decrypt", {"StringEquals": {key: f"{value}-2"}}), GENEROUS)
    assert not one(replace(_KEY, context={}), policy("kms:Decrypt", {"StringEquals": {key: value}}), GENEROUS)


def test_a_denial_counts_more_than_what_is_allowed() -> None:
    denying = policy("s3:PutObject", {}, effect="Deny")
    both = {**denying, "Statement": [*denying["Statement"], *policy("s3:PutObject", {})["Statement"]]}
    assert not one(_PUT, both, GENEROUS)


def test_what_the_library_does_not_take_is_an_error_and_no_denial() -> None:
    with pytest.raises(SimulationError, match="PutObjects"):
        one(replace(_PUT, action="s3:PutObjects"), welcoming(_PUT), GENEROUS)
    with pytest.raises(SimulationError, match="it ignores kms:ViaService"):
        one(replace(_PUT, context={"kms:ViaService": "s3"}), welcoming(_PUT), GENEROUS)
