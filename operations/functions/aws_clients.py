# SPDX-License-Identifier: MIT-0
"""Makes boto3 clients for the functions, and addresses of pages of the AWS console.

botocore's error for a request without an answer names the address and not the operation, so each client adds that.

Source of the addresses: AWS Management Console Getting Started Guide; the guides to the China Regions and to AWS
GovCloud (US).
"""

import functools
import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias
from urllib.parse import quote

import boto3
from botocore.config import Config

Client: TypeAlias = Any  # boto3 makes its clients from data, so that they have no type
ClientFactory: TypeAlias = Callable[[str], Client]

S3_URI_PATTERN: Final = re.compile(r"s3://[^/]+/.+")

CONNECT_SECONDS: Final = 5
READ_SECONDS: Final = 20
MAX_ATTEMPTS: Final = 2
# S3 answers when the object is copied; two attempts fit into the five minutes that a function has.
COPY_SECONDS: Final = 120
CLIENT_CONFIG: Final = Config(
    connect_timeout=CONNECT_SECONDS,
    read_timeout=READ_SECONDS,
    retries={"mode": "standard", "total_max_attempts": MAX_ATTEMPTS},
)
_CONSOLE_HOSTS: Final = {"aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}


def name_unanswered_calls(client: Client) -> Client:
    """Have `client` note in the error of a request without an answer which operation it was, and return it."""
    client.meta.events.register("response-received", _note_operation)
    return client


def _note_operation(event_name: str, exception: Exception | None = None, **_: object) -> None:
    if exception is not None:
        vars(exception)["operation_name"] = event_name.rpartition(".")[2]


@functools.cache
def service_client(service: str) -> Client:
    """Return the client of `service`, for example `s3`; a warm function reuses it."""
    return name_unanswered_calls(boto3.client(service, config=CLIENT_CONFIG))


@functools.cache
def s3_copy_client(region: str) -> Client:
    """Return the client that copies objects into buckets of `region`."""
    config = CLIENT_CONFIG.merge(Config(read_timeout=COPY_SECONDS))
    return name_unanswered_calls(boto3.client("s3", region_name=region, config=config))


def split_s3_uri(uri: str) -> tuple[str, str]:
    """Return bucket and key of an S3 URI."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def console_page_url(partition: str, region: str, path: str) -> str:
    """Return the address of the console's page at `path`."""
    host = _CONSOLE_HOSTS.get(partition, f"{region}.console.aws.amazon.com")
    return f"https://{host}/{path}?region={region}"


def s3_object_console_url(uri: str, arn: str) -> str:
    """Return the address of the page of an S3 object.

    Args:
        uri: Its S3 URI.
        arn: ARN of any resource in the same region.
    """
    bucket, key = split_s3_uri(uri)
    return f"{console_page_url(*_partition_and_region(arn), f's3/object/{bucket}')}&prefix={quote(key)}"


def execution_console_url(arn: str) -> str:
    """Return the address of the page of a state machine's execution."""
    return f"{console_page_url(*_partition_and_region(arn), 'states/home')}#/v2/executions/details/{arn}"


def _partition_and_region(arn: str) -> tuple[str, str]:
    """Return partition and region of an ARN."""
    _, partition, _, region, _ = arn.split(":", 4)
    return partition, region
