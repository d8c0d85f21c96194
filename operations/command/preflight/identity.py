# SPDX-License-Identifier: MIT-0
"""Whose credentials they are. STS answers that to everyone, whatever they are allowed.

Source: AWS STS API Reference, GetCallerIdentity ("No permissions are required").
"""

from typing import Any, Final

from botocore.exceptions import ClientError

from operations.command.account import Account
from operations.command.preflight.demand import Demand
from operations.command.preflight.finding import Finding, Verdict
from operations.command.refusal import REFUSALS, explained, is_code

_UNKNOWN: Final = ("InvalidClientTokenId", "UnrecognizedClientException")
_ENABLED: Final = " Or the account has not enabled the region (console: Account, AWS Regions), which looks the same."


def held(account: Account, demand: Demand) -> tuple[Finding, str]:
    """Return how it stands with the credentials, and the account's id; empty unless AWS can be asked with them."""
    try:
        caller = account.caller()
    except REFUSALS as error:
        unknown = isinstance(error, ClientError) and is_code(error, *_UNKNOWN)
        remedy = str(explained(error)) + (_ENABLED if unknown else "")
        return Finding(Verdict.UNKNOWN, "AWS did not say whose credentials these are", remedy), ""
    return _right(caller, demand)


def _right(caller: dict[str, Any], demand: Demand) -> tuple[Finding, str]:
    identity = str(caller["Account"])
    if demand.account not in ("", identity):
        sentence = f"they are those of account {identity} ({caller['Arn']}), but build.account is {demand.account}"
        remedy = f"Sign in to {demand.account} (AWS_PROFILE chooses the profile), or change build.account."
        return Finding(Verdict.FAILED, sentence, remedy), ""
    return Finding(Verdict.OK, f"account {identity}, as {caller['Arn']}"), identity
