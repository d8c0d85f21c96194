# SPDX-License-Identifier: MIT-0
"""The connection to the repository: somebody has to complete it once in the console, or no push arrives.

A connection is known in every region, whatever region its ARN names. The service was renamed, and an ARN says by which
of its names it is asked. Source: Developer Tools console User Guide, "Global resources in AWS CodeConnections".
"""

from collections.abc import Iterator
from typing import Final

from botocore.exceptions import ClientError

from operations.command import refusal
from operations.command.preflight.finding import Finding, Look, Verdict

PERMISSIONS: Final = ("cloudformation:DescribeStacks", "codeconnections:GetConnection")
_AVAILABLE: Final = "AVAILABLE"


def state(look: Look) -> Iterator[Finding]:
    """Yield how it stands with the connection, if the settings use one."""
    wanted = look.demand.connection
    if not wanted.used:
        yield Finding(Verdict.OK, "the settings use none")
        return
    arn = wanted.arn or look.account.outputs("retraining").get("Connection", "")
    if not arn:
        yield Finding(Verdict.OK, "make deploy makes one; make next then says where to complete it")
        return
    yield _judged(look, arn, _status(look, arn), given=bool(wanted.arn))


def _status(look: Look, arn: str) -> str:
    """Return PENDING, AVAILABLE or ERROR; empty where there is no such connection."""
    try:
        found = look.account.client(arn.split(":")[2]).get_connection(ConnectionArn=arn)
    except ClientError as error:
        if refusal.is_missing(error):
            return ""
        raise
    return str(found["Connection"]["ConnectionStatus"])


def _judged(look: Look, arn: str, status: str, *, given: bool) -> Finding:
    if status == _AVAILABLE:
        return Finding(Verdict.OK, f"{arn} is available")
    # One of our own is made pending by the deployment itself, which goes on without it; only pushes wait.
    verdict = Verdict.FAILED if given else Verdict.WARNING
    if not status:
        remedy = "Set source.connection_arn to one of this account, or leave it empty and deploy: one is made."
        return Finding(verdict, f"there is no connection {arn}", remedy)
    place = look.account.page("codesuite/settings/connections")
    sentence = f"{arn} is {status}, so that no push arrives"
    return Finding(verdict, sentence, f"Complete or mend it ('Update pending connection'): {place}")
