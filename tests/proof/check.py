# SPDX-License-Identifier: MIT-0
"""Every checker that reads synthesized templates, by its name; each takes all of them and returns "place: what"."""

from collections.abc import Callable, Iterable
from typing import Final

from tests.proof import (
    access,
    account,
    action,
    definition,
    event,
    iam,
    intrinsic,
    lint,
    machine,
    performed_access,
    policy_size,
    protection,
    replica,
    request,
    text,
    wiring,
)
from tests.proof.intrinsic import Documents

CHECKERS: Final[dict[str, Callable[[Documents], Iterable[str]]]] = {
    "access": access.problems,
    "account": account.problems,
    "action": action.problems,
    "definition": definition.problems,
    "event": event.problems,
    "iam": iam.problems,
    "intrinsic": intrinsic.problems,
    "lint": lint.problems,
    "machine": machine.problems,
    "performed": performed_access.problems,
    "policy_size": policy_size.problems,
    "protection": protection.problems,
    "replica": replica.problems,
    "request": request.problems,
    "text": text.problems,
    "wiring": wiring.problems,
}
