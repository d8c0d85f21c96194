# SPDX-License-Identifier: MIT-0
"""Defines the errors of operations, and explains those of AWS to whoever reads the failure of a function.

OperationError              its message gives place, value, cause and remedy; `exit_code` is the command's
├── UsageError              an argument or a payload is wrong: exit code 2, nothing was started
├── AccountError            no credentials or permissions for the account, or nothing deployed: exit code 2
├── ServiceError            AWS refused a call of a function
│   └── BusyServiceError    AWS did not answer, or asked to wait: the same call may succeed later
├── RemoteAccessError       access to a stage in another account or region is denied
├── SmokeTestError          an endpoint does not answer as the model was evaluated, or that cannot be tested
└── StoppedError            the user stopped the command: exit code 130
"""

from typing import Final, TypeAlias

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError
from botocore.exceptions import ConnectionError as UnreachableError
from botocore.parsers import ResponseParserError


class OperationError(Exception):
    """A failure whose message is complete for the user."""

    exit_code: int = 1


class UsageError(OperationError):
    """An argument or a payload is wrong."""

    exit_code = 2


class AccountError(OperationError):
    """No credentials or permissions for the account, or nothing deployed."""

    exit_code = 2


class ServiceError(OperationError):
    """AWS refused a call of a function."""


class BusyServiceError(ServiceError):
    """AWS did not answer a call of a function, or asked to wait: the same call may succeed later."""


class RemoteAccessError(OperationError):
    """Access to a stage in another account or region is denied: one of two sides has to be deployed again."""


class SmokeTestError(OperationError):
    """An endpoint does not answer as the model was evaluated, or the reference is missing."""


class StoppedError(OperationError):
    """The user stopped the command."""

    exit_code = 130


# All errors of the SDK; the last if the answer is not from AWS, for example the login page of a network.
AWS_ERRORS: Final = (BotoCoreError, ClientError, ResponseParserError)
AwsError: TypeAlias = BotoCoreError | ClientError | ResponseParserError
_UNANSWERED: Final = (HTTPClientError, UnreachableError, IncompleteReadError, ResponseParserError)
_BUSY_CODES: Final = ("ServiceUnavailable", "SlowDown", "RequestTimeout", "RequestLimitExceeded", "InternalFailure")
_SERVER_ERROR_STATUS: Final = 500


def unanswered_operation(error: Exception) -> str:
    """Return the operation that `error` ended, for example ``ListTags``; AWS if the error does not say."""
    return str(getattr(error, "operation_name", "AWS"))


def is_busy(error: AwsError) -> bool:
    """Return whether the same call may succeed later: no answer, throttled, or an error of the service itself."""
    if not isinstance(error, ClientError):
        return isinstance(error, _UNANSWERED)
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return "Throttl" in code or "TooManyRequests" in code or code in _BUSY_CODES or status >= _SERVER_ERROR_STATUS


def explain_service_error(error: AwsError) -> ServiceError:
    """Return `error` with a sentence for whoever reads the failure of a function."""
    if not isinstance(error, ClientError):
        told = f"{unanswered_operation(error)}: {'no answer: ' if is_busy(error) else ''}{error}".rstrip(". ")
        if is_busy(error):
            return BusyServiceError(f"{told}. Try again: retry the stage or event.")
        return ServiceError(f"{told}. The function's log has the details; report it, then retry the stage or event.")
    answer = error.response.get("Error", {})
    told = f"{error.operation_name}: {answer.get('Code', '')}: {answer.get('Message', '')}".rstrip(". ")
    if is_busy(error):
        return BusyServiceError(f"{told}. Try again later: retry the stage or event.")
    return ServiceError(
        f"{told}. Fix what it names (access denied: deploy again, make deploy), then retry the stage or event."
    )
