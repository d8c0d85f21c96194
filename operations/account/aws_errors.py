# SPDX-License-Identifier: MIT-0
"""Turns errors of AWS and its SDK into messages with a remedy.

Source of the codes: "Common errors" of the API references of IAM, STS, S3 and CloudFormation; the exceptions are
botocore's.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
    WaiterError,
)
from botocore.exceptions import (
    ConnectionError as UnreachableError,
)
from botocore.parsers import ResponseParserError

from operations.functions import errors
from operations.functions.errors import AccountError, AwsError, OperationError, is_busy, unanswered_operation

AWS_ERRORS: Final = errors.AWS_ERRORS
_EXPIRED_CODES: Final = ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired")
_UNKNOWN_CODES: Final = (
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "AuthFailure",
    "InvalidToken",
)
# S3 answers a HEAD request without a body, so only the status is known.
_DENIED_CODES: Final = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Forbidden", "403")
_MISSING_CODES: Final = (
    "404",
    "ExecutionDoesNotExist",
    "NoSuchBucket",
    "NotFoundException",
    "ObjectNotFoundException",
    "ParameterNotFound",
    "PipelineNotFoundException",
    "RepositoryNotFoundException",
    "ResourceNotFound",
    "ResourceNotFoundException",
    "StateMachineDoesNotExist",
)
_CHOOSE_PROFILE: Final = "AWS_PROFILE chooses the profile"
_REMEDIES: Final[tuple[tuple[tuple[type[BotoCoreError], ...], str], ...]] = (
    ((SSOError, TokenRetrievalError), "The sign-in has expired: run aws sso login again."),
    (
        (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError),
        f"Sign in (aws configure sso, then aws sso login) or set the keys; {_CHOOSE_PROFILE}.",
    ),
    ((ProfileNotFound,), f"{_CHOOSE_PROFILE}; aws configure list-profiles lists the existing ones."),
    ((NoRegionError,), "Set AWS_REGION to the region of the deployment, for example AWS_REGION=us-east-1."),
)


ApiAnswer = TypeVar("ApiAnswer")
_NEW_TRIES: Final = 5
_NEW_SECONDS: Final = 3.0


@contextmanager
def fetching_credentials() -> Iterator[None]:
    """Raise CredentialRetrievalError for other exceptions while the SDK fetches credentials.

    The SDK does not catch them: a missing program, token file or certificate (OSError), an answer that is not JSON or a
    host that is not allowed (ValueError), JSON that is not an object (AttributeError, TypeError).
    """
    try:
        yield
    except AWS_ERRORS:
        raise
    except (OSError, ValueError, AttributeError, TypeError, KeyError) as error:
        told = f"{type(error).__name__}: {error}"
        raise CredentialRetrievalError(provider="the profile or environment", error_msg=told) from error


def explain_aws_error(error: AwsError) -> OperationError:
    """Return `error` with a message for the user."""
    if isinstance(error, ClientError):
        return _explain_client_error(error)
    for kinds, remedy in _REMEDIES:
        if isinstance(error, kinds):
            return AccountError(f"AWS credentials or region: {_error_text(error)} {remedy}")
    if isinstance(error, WaiterError):
        return OperationError(f"waiting: {_error_text(error)} Run the command again: it continues from here.")
    if isinstance(error, ResponseParserError):
        return OperationError(
            f"{unanswered_operation(error)}: the answer is not from AWS: {_error_text(error)[:200]} Is there a proxy "
            "or a login page in between?"
        )
    if isinstance(error, UnreachableError | HTTPClientError):
        return OperationError(
            f"{unanswered_operation(error)}: not reached: {_error_text(error)} Check the network and the region, then "
            "run it again."
        )
    return OperationError(f"AWS SDK: {_error_text(error)} Check the arguments, then run the command again.")


def has_error_code(error: ClientError, *codes: str) -> bool:
    """Return whether the service answered with one of `codes`."""
    return aws_error_code(error) in codes


def aws_error_code(error: ClientError) -> str:
    """Return the service's error code, for example ``NoSuchBucket``."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_access_denied(error: ClientError) -> bool:
    """Return whether the service denied access."""
    return has_error_code(error, *_DENIED_CODES)


def is_not_found(error: ClientError) -> bool:
    """Return whether the service answered that the resource does not exist."""
    message = str(error).lower()
    return aws_error_code(error) in _MISSING_CODES or (
        aws_error_code(error) in ("ValidationException", "ValidationError")
        and any(words in message for words in ("could not find", "does not exist", "not found"))
    )


@contextmanager
def ignoring_gone(*codes: str) -> Iterator[None]:
    """Ignore that a resource which the `with` block deletes does not exist any more, also as one of `codes` says.

    The SDK repeats a request whose answer was lost, and the service refuses the second one.
    """
    try:
        yield
    except ClientError as error:
        if not (is_not_found(error) or has_error_code(error, *codes)):
            raise


def read_new_resource(read: Callable[[], ApiAnswer], sleep: Callable[[float], None]) -> ApiAnswer:
    """Return what `read` returns; a resource that was made a moment ago may not be found for some seconds."""
    for _ in range(_NEW_TRIES):
        try:
            return read()
        except ClientError as error:
            if not is_not_found(error):
                raise
            sleep(_NEW_SECONDS)
    return read()


def _explain_client_error(error: ClientError) -> OperationError:
    place = f"{error.operation_name}: {aws_error_code(error)}"
    message = str(error.response.get("Error", {}).get("Message", "")).strip().rstrip(".")
    if aws_error_code(error) in _EXPIRED_CODES:
        return AccountError(f"{place}: the credentials have expired. Sign in again, for example with aws sso login.")
    if aws_error_code(error) in _UNKNOWN_CODES:
        return AccountError(
            f"{place}: {message}. AWS does not know these credentials: sign in again; {_CHOOSE_PROFILE}."
        )
    if aws_error_code(error) in _DENIED_CODES:
        return AccountError(
            f"{place}: {message}. Use credentials with this permission ({_CHOOSE_PROFILE}), or have it allowed."
        )
    if is_busy(error):
        return OperationError(f"{place}: {message}. AWS asks to wait: run the command again in some minutes.")
    return OperationError(f"{place}: {message}. Fix what it names, then run the command again.")


def _error_text(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if text.endswith(".") else f"{text}."
