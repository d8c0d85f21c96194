# SPDX-License-Identifier: MIT-0
"""Accepts images of production as the monitor's baseline for the live model, or undoes that.

The monitor's jobs leave the measured images of each window in the runs bucket. An acceptance copies those of a period
into one object, with the reason and the caller, which does not expire; the next run of the monitor reads it.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from operations.account.deployment_account import Account
from operations.functions import model_delivery
from operations.functions.aws_clients import Client
from operations.functions.errors import UsageError
from pipeline_src import baseline_acceptance, contract
from pipeline_src.baseline_acceptance import AcceptanceError, AcceptanceFile


def accept_baseline(account: Account, *, reason: str, days: int) -> str:
    """Accept what was measured in the last `days` days, and return a message.

    Raises:
        UsageError: Nothing is in production, too few images were measured, or there is no reason.
    """
    bucket, version = _bucket_and_version(account)
    client, now = account.client("s3"), account.now()
    earliest = now - timedelta(days=days)
    windows = [
        window
        for window in _documents(client, bucket, f"{contract.MONITOR_HISTORY_PREFIX}{version}/")
        if datetime.fromisoformat(window["start"]) >= earliest
    ]
    documents = _documents(client, bucket, f"{contract.MONITOR_BASELINES_PREFIX}{version}/")
    with _refused_for(version):
        file = baseline_acceptance.acceptance_file(documents, windows, reason=reason, by=_caller(account), time=now)
    return _write(client, bucket, version, file)


def undo_baseline(account: Account, *, reason: str) -> str:
    """Take the last accepted baseline of the live model back, and return a message.

    Raises:
        UsageError: Nothing is in production, no acceptance counts, or there is no reason.
    """
    bucket, version = _bucket_and_version(account)
    client, now = account.client("s3"), account.now()
    documents = list(_documents(client, bucket, f"{contract.MONITOR_BASELINES_PREFIX}{version}/"))
    with _refused_for(version):
        file = baseline_acceptance.undo_file(documents, reason=reason, by=_caller(account), time=now)
    return _write(client, bucket, version, file)


def _bucket_and_version(account: Account) -> tuple[str, str]:
    """Return the runs bucket and the version of the live model package."""
    live = model_delivery.find_champion(account.client("ssm"), account.output("storage", "Champion"))
    if live is None:
        raise UsageError("production: nothing is there yet, so there is no baseline. Deliver a model first: make next")
    return account.output("storage", "RunsBucket"), live.package.rpartition("/")[2]


def _documents(client: Client, bucket: str, prefix: str) -> Iterator[Any]:
    """Yield the JSON objects below `prefix` in the order of their keys."""
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for found in page.get("Contents", []):
            yield json.loads(client.get_object(Bucket=bucket, Key=found["Key"])["Body"].read())


@contextmanager
def _refused_for(version: str) -> Iterator[None]:
    try:
        yield
    except AcceptanceError as error:
        raise UsageError(f"model package {version}: {error}") from None


def _write(client: Client, bucket: str, version: str, file: AcceptanceFile) -> str:
    """Write the file unless it is there, and return a message."""
    key = f"{contract.MONITOR_BASELINES_PREFIX}{version}/{file.name}"
    if file.is_new:
        client.put_object(
            Bucket=bucket, Key=key, Body=file.content, ContentType="application/json", ChecksumAlgorithm="SHA256"
        )
    return f"s3://{bucket}/{key}: model package {version}: {file.statement}"


def _caller(account: Account) -> str:
    """Return the last parts of the caller's ARN, such as ``assumed-role/Doctor/name``."""
    return str(account.caller()["Arn"]).rpartition(":")[2]
