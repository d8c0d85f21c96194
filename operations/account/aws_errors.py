# SPDX-License-Identifier: MIT-0
"""What AWS or its SDK answered, as one sentence with a remedy.

Source of the codes: "Common errors" of the API references of IAM, STS, S3 and CloudFormation; the exceptions are
botocore's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias

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

from operations.functions.errors import AccountError, OperationError

_EXPIRED_CODES: Final = ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired")
_UNKNOWN_CODES: Final = (
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "AuthFailure",
    "InvalidToken",
)
# S3 answers a HEAD request without a body, so that its status is all there is.
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
    ((ProfileNotFound,), f"{_CHOOSE_PROFILE}; aws configure list-profiles prints those that there are."),
    ((NoRegionError,), "Set AWS_REGION to the region of the deployment, for example AWS_REGION=us-east-1."),
)


# All that the SDK raises; the last where what answers is no AWS, as a proxy's or a hotel's page.
AWS_ERRORS: Final = (BotoCoreError, ClientError, ResponseParserError)
AwsError: TypeAlias = BotoCoreError | ClientError | ResponseParserError


@contextmanager
def fetching_credentials() -> Iterator[None]:
    """Raise CredentialRetrievalError for whatever else goes wrong where the SDK fetches credentials.

    It lets through what it meets there: a program, a token file or a certificate that is not there (OSError), an answer
    that is no JSON or a host that is not allowed (ValueError), JSON that is no object (AttributeError, TypeError).
    """
    try:
        yield
    except AWS_ERRORS:
        raise
    except (OSError, ValueError, AttributeError, TypeError, KeyError) as error:
        told = f"{type(error).__name__}: {error}"
        raise CredentialRetrievalError(provider="the profile or environment", error_msg=told) from error


def explain_aws_error(error: AwsError) -> OperationError:
    """Return `error` as the one sentence that its user reads."""
    if isinstance(error, ClientError):
        return _explain_client_error(error)
    for kinds, remedy in _REMEDIES:
        if isinstance(error, kinds):
            return AccountError(f"AWS credentials or region: {_error_text(error)} {remedy}")
    if isinstance(error, WaiterError):
        return OperationError(f"waiting: {_error_text(error)} Run the command again: it goes on where it is.")
    if isinstance(error, ResponseParserError):
        return OperationError(
            f"AWS: an answer that is none of AWS's: {_error_text(error)[:200]} Is there a proxy or a portal in between?"
        )
    if isinstance(error, UnreachableError | HTTPClientError):
        return OperationError(
            f"AWS: not reached: {_error_text(error)} Check the network and the region, then run it again."
        )
    return OperationError(f"AWS SDK: {_error_text(error)} Check what was typed, then run it again.")


def has_error_code(error: ClientError, *codes: str) -> bool:
    """Return whether the service answered with one of `codes`."""
    return aws_error_code(error) in codes


def aws_error_code(error: ClientError) -> str:
    """Return the service's error code, for example ``NoSuchBucket``."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_access_denied(error: ClientError) -> bool:
    """Return whether the service answered that the credentials may not do that."""
    return has_error_code(error, *_DENIED_CODES)


def is_not_found(error: ClientError) -> bool:
    """Return whether the service answered that there is no such thing: what a deletion may take for done."""
    message = str(error).lower()
    return aws_error_code(error) in _MISSING_CODES or (
        aws_error_code(error) in ("ValidationException", "ValidationError")
        and any(words in message for words in ("could not find", "does not exist", "not found"))
    )


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
            f"{place}: {message}. These credentials may not do that: use others ({_CHOOSE_PROFILE}), "
            "or have it allowed."
        )
    return OperationError(f"{place}: {message}. Mend what it names, then run the command again.")


def _error_text(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if text.endswith(".") else f"{text}."
