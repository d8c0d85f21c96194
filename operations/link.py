# SPDX-License-Identifier: MIT-0
"""Addresses of pages of the AWS console, which each partition has at a place of its own.

Source: AWS Management Console Getting Started Guide; the guides to the China Regions and to AWS GovCloud (US).
"""

from typing import Final
from urllib.parse import quote

_HOSTS: Final = {"aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}


def page(partition: str, region: str, path: str) -> str:
    """Return the page at `path` of the console in a region of a partition."""
    host = _HOSTS.get(partition, f"{region}.console.aws.amazon.com")
    return f"https://{host}/{path}?region={region}"


def of_object(uri: str, arn: str) -> str:
    """Return the page of an S3 object.

    Args:
        uri: Its S3 URI.
        arn: Of anything in the same region.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return f"{page(*_place(arn), f's3/object/{bucket}')}&prefix={quote(key)}"


def of_execution(arn: str) -> str:
    """Return the page of an execution of a state machine."""
    return f"{page(*_place(arn), 'states/home')}#/v2/executions/details/{arn}"


def _place(arn: str) -> tuple[str, str]:
    """Return partition and region of an ARN."""
    _, partition, _, region, _ = arn.split(":", 4)
    return partition, region
