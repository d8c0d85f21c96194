# SPDX-License-Identifier: MIT-0
"""Defines the errors of operations.

OperationError              its message gives place, value, cause and remedy; `exit_code` is the command's
├── UsageError              an argument or a payload is wrong: exit code 2, nothing was started
├── AccountError            no credentials or permissions for the account, or nothing deployed: exit code 2
├── RemoteAccessError       access to a stage in another account or region is denied
├── SmokeTestError          an endpoint does not answer as the model was evaluated, or that cannot be tested
└── StoppedError            the user stopped the command: exit code 130
"""


class OperationError(Exception):
    """A failure whose message is complete for the user."""

    exit_code: int = 1


class UsageError(OperationError):
    """An argument or a payload is wrong."""

    exit_code = 2


class AccountError(OperationError):
    """No credentials or permissions for the account, or nothing deployed."""

    exit_code = 2


class RemoteAccessError(OperationError):
    """Access to a stage in another account or region is denied: one of two sides has to be deployed again."""


class SmokeTestError(OperationError):
    """An endpoint does not answer as the model was evaluated, or the reference is missing."""


class StoppedError(OperationError):
    """The user stopped the command."""

    exit_code = 130
