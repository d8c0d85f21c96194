# SPDX-License-Identifier: MIT-0
"""Asks one check: if it is refused, it says so and which permissions it wants, and the others go on."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from operations.command import refusal
from operations.command.preflight.finding import Check, Finding, Look, Verdict


def looked(check: Check, look: Look) -> Iterator[Finding]:
    """Yield what `check` finds until it ends, and if AWS refuses to answer, that and what it takes."""
    try:
        yield from check.looking(look)
    except refusal.REFUSALS as error:
        yield _refused(check, error)


def _refused(check: Check, error: refusal.Refusal) -> Finding:
    told = str(refusal.explained(error))
    if not (isinstance(error, ClientError) and refusal.is_denied(error)):
        return Finding(Verdict.UNKNOWN, "AWS did not answer as it should", told)
    sentence = f"these credentials may not {error.operation_name}"
    wanted = f"Have {', '.join(check.permissions)} allowed, or use other credentials (AWS_PROFILE)."
    return Finding(Verdict.UNKNOWN, sentence, wanted)
