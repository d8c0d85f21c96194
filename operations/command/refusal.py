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

from operations.error import AccountError, OperationError

_EXPIRED: Final = ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired")
_UNKNOWN: Final = (
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "AuthFailure",
    "InvalidToken",
)
# S3 answers a HEAD request without a body, so that its status is all there is.
_DENIED: Final = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Forbidden", "403")
_MISSING: Final = (
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
_CHOOSE: Final = "AWS_PROFILE chooses the profile"
_REMEDIES: Final[tuple[tuple[tuple[type[BotoCoreError], ...], str], ...]] = (
    ((SSOError, TokenRetrievalError), "The sign-in has expired: run aws sso login again."),
    (
        (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError),
        f"Sign in (aws configure sso, then aws sso login) or set the keys; {_CHOOSE}.",
    ),
    ((ProfileNotFound,), f"{_CHOOSE}; aws configure list-profiles prints those that there are."),
    ((NoRegionError,), "Set AWS_REGION to the region of the deployment, for example AWS_REGION=us-east-1."),
)


# All that the SDK raises; the last where what answers is no AWS, as a proxy's or a hotel's page.
REFUSALS: Final = (BotoCoreError, ClientError, ResponseParserError)
Refusal: TypeAlias = BotoCoreError | ClientError | ResponseParserError


@contextmanager
def fetching_credentials() -> Iterator[None]:
    """Raise CredentialRetrievalError for whatever else goes wrong where the SDK fetches credentials.

    It lets through what it meets there: a program, a token file or a certificate that is not there (OSError), an answer
    that is no JSON or a host that is not allowed (ValueError), JSON that is no object (AttributeError, TypeError).
    """
    try:
        yield
    except REFUSALS:
        raise
    except (OSError, ValueError, AttributeError, TypeError, KeyError) as error:
        told = f"{type(error).__name__}: {error}"
        raise CredentialRetrievalError(provider="the profile or environment", error_msg=told) from error


def explained(error: Refusal) -> OperationError:
    """Return `error` as the one sentence that its user reads."""
    if isinstance(error, ClientError):
        return _answered(error)
    for kinds, remedy in _REMEDIES:
        if isinstance(error, kinds):
            return AccountError(f"AWS credentials or region: {_told(error)} {remedy}")
    if isinstance(error, WaiterError):
        return OperationError(f"waiting: {_told(error)} Run the command again: it goes on where it is.")
    if isinstance(error, ResponseParserError):
        return OperationError(
            f"AWS: an answer that is none of AWS's: {_told(error)[:200]} Is there a proxy or a portal in between?"
        )
    if isinstance(error, UnreachableError | HTTPClientError):
        return OperationError(f"AWS: not reached: {_told(error)} Check the network and the region, then run it again.")
    return OperationError(f"AWS SDK: {_told(error)} Check what was typed, then run it again.")


def is_code(error: ClientError, *codes: str) -> bool:
    """Return whether the service answered with one of `codes`."""
    return code(error) in codes


def code(error: ClientError) -> str:
    """Return the service's error code, for example ``NoSuchBucket``."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_denied(error: ClientError) -> bool:
    """Return whether the service answered that the credentials may not do that."""
    return is_code(error, *_DENIED)


def is_missing(error: ClientError) -> bool:
    """Return whether the service answered that there is no such thing: what a deletion may take for done."""
    message = str(error).lower()
    return code(error) in _MISSING or (
        code(error) in ("ValidationException", "ValidationError")
        and any(words in message for words in ("could not find", "does not exist", "not found"))
    )


def _answered(error: ClientError) -> OperationError:
    place = f"{error.operation_name}: {code(error)}"
    message = str(error.response.get("Error", {}).get("Message", "")).strip().rstrip(".")
    if code(error) in _EXPIRED:
        return AccountError(f"{place}: the credentials have expired. Sign in again, for example with aws sso login.")
    if code(error) in _UNKNOWN:
        return AccountError(f"{place}: {message}. AWS does not know these credentials: sign in again; {_CHOOSE}.")
    if code(error) in _DENIED:
        return AccountError(
            f"{place}: {message}. These credentials may not do that: use others ({_CHOOSE}), or have it allowed."
        )
    return OperationError(f"{place}: {message}. Mend what it names, then run the command again.")


def _told(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if text.endswith(".") else f"{text}."
