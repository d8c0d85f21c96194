# SPDX-License-Identifier: MIT-0
"""The command line as somebody types it, over services that answer what the test arranged."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from click.testing import CliRunner, Result

from operations.__main__ import main
from operations.account.deployment_account import Account
from tests.operations.service import Services
from tests.operations.state import MONDAY, OUTPUTS, arn


def account(client: Callable[[str], Any], now: datetime = MONDAY) -> Account:
    """Return a deployment whose commands do not wait."""
    return Account("skin-lesion", client, lambda _seconds: None, now=lambda: now)


def run(client: Callable[[str], Any], *words: str, typed: str | None = None, now: datetime = MONDAY) -> Result:
    """Run ``python -m operations`` with these words."""
    return CliRunner().invoke(main, words, obj=account(client, now), input=typed)


def has_stack(aws: Services, part: str, status: str = "UPDATE_COMPLETE") -> None:
    """Have a stack of the deployment described, once."""
    name = f"skin-lesion-{part}"
    outputs = [{"OutputKey": key, "OutputValue": value} for key, value in OUTPUTS[part].items()]
    found = {"StackName": name, "StackId": arn(name), "CreationTime": MONDAY, "StackStatus": status, "Outputs": outputs}
    aws.answers("cloudformation", "describe_stacks", {"Stacks": [found]}, StackName=name)


def lacks_stack(aws: Services, part: str) -> None:
    """Have a stack of the deployment be asked for in vain, once."""
    message = f"Stack with id skin-lesion-{part} does not exist"
    aws.refuses("cloudformation", "describe_stacks", "ValidationError", message)
