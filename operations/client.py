# SPDX-License-Identifier: MIT-0
"""The clients of the functions: boto3's, so patient that a service's hiccup passes, and no longer."""

import functools
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import boto3
from botocore.config import Config

Client: TypeAlias = Any  # boto3 makes its clients from data, so that they have no type
Clients: TypeAlias = Callable[[str], Client]

CONNECT_SECONDS: Final = 5
READ_SECONDS: Final = 20
ATTEMPTS: Final = 2
# S3 answers once an object is copied; two attempts fit into the five minutes that a function has.
COPY_SECONDS: Final = 120
CONFIG: Final = Config(
    connect_timeout=CONNECT_SECONDS,
    read_timeout=READ_SECONDS,
    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
)


@functools.cache
def client(service: str) -> Client:
    """Return the client of `service`, for example ``client("s3")``; a warm function uses it again."""
    return boto3.client(service, config=CONFIG)


@functools.cache
def copier(region: str) -> Client:
    """Return the client that copies objects into buckets of `region`."""
    return boto3.client("s3", region_name=region, config=CONFIG.merge(Config(read_timeout=COPY_SECONDS)))
