# SPDX-License-Identifier: MIT-0
"""What can go wrong in operations, as one tree.

OperationError              every message says place, value, cause and remedy; `exit_code` is the command's
├── UsageError              what was typed or handed in is wrong: exit code 2, nothing was started
├── AccountError            the account cannot be used as it is: credentials, permissions, nothing deployed: exit code 2
├── CrossingError           what is elsewhere, in another account or region, is closed to us
├── SmokeError              an endpoint does not answer as the model was evaluated, or that cannot be told
└── StoppedError            the user stopped the command: exit code 130
"""


class OperationError(Exception):
    """A failure whose text is all that the user needs to read."""

    exit_code: int = 1


class UsageError(OperationError):
    """What was typed or handed in is wrong."""

    exit_code = 2


class AccountError(OperationError):
    """The account cannot be used as it is: no credentials, no permission, or nothing deployed."""

    exit_code = 2


class RemoteAccessError(OperationError):
    """What is elsewhere, in another account or region, is closed to us: one of two sides has to be deployed again."""


class SmokeTestError(OperationError):
    """An endpoint does not answer as the model was evaluated, or what to compare it with is missing."""


class StoppedError(OperationError):
    """The user stopped the command."""

    exit_code = 130
