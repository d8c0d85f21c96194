# SPDX-License-Identifier: MIT-0
"""Accepts images of production as the monitor's baseline for the live model, or undoes that.

The monitor's jobs leave the measured images of each window in the runs bucket. An acceptance copies those of a period
into one object, with the reason and the caller, which does not expire; the next run of the monitor reads it.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from operations.account.deployment_account import Account
from operations.functions import model_delivery
from operations.functions.aws_clients import Client
from operations.functions.errors import UsageError
from pipeline_src import baseline_acceptance, contract
from pipeline_src.baseline_acceptance import AcceptanceError


def accept_baseline(account: Account, *, reason: str, days: int, now: datetime) -> str:
    """Accept what was measured in the last `days` days, and return a message.

    Raises:
        UsageError: Nothing is in production, too few images were measured, or there is no reason.
    """
    bucket, version = _bucket_and_version(account)
    client = account.client("s3")
    earliest = now - timedelta(days=days)
    windows = [
        window
        for window in _documents(client, bucket, f"{contract.MONITOR_HISTORY_PREFIX}{version}/")
        if datetime.fromisoformat(window["start"]) >= earliest
    ]
    try:
        content = baseline_acceptance.acceptance_file(windows, reason=reason, by=_caller(account), time=now)
    except AcceptanceError as error:
        raise UsageError(f"model package {version}: {error}") from None
    place = _write(client, bucket, version, now, content)
    images = sum(len(window["images"]) for window in windows)
    return f"{place}: {images} images of {len(windows)} windows accepted as the baseline of model package {version}."


def undo_baseline(account: Account, *, reason: str, now: datetime) -> str:
    """Take the last accepted baseline of the live model back, and return a message.

    Raises:
        UsageError: Nothing is in production, no acceptance counts, or there is no reason.
    """
    bucket, version = _bucket_and_version(account)
    client = account.client("s3")
    documents = _documents(client, bucket, f"{contract.MONITOR_BASELINES_PREFIX}{version}/")
    standing = baseline_acceptance.standing_acceptances(documents)
    try:
        content = baseline_acceptance.undo_file(standing, reason=reason, by=_caller(account), time=now)
    except AcceptanceError as error:
        raise UsageError(f"model package {version}: {error}") from None
    now_used = f"that of {standing[-2]['time'][:10]}" if len(standing) > 1 else "the model's test images"
    return f"{_write(client, bucket, version, now, content)}: undone. The baseline is {now_used} again."


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


def _write(client: Client, bucket: str, version: str, now: datetime, content: bytes) -> str:
    name = baseline_acceptance.acceptance_file_name(now)
    key = f"{contract.MONITOR_BASELINES_PREFIX}{version}/{name}"
    client.put_object(Bucket=bucket, Key=key, Body=content, ContentType="application/json", ChecksumAlgorithm="SHA256")
    return f"s3://{bucket}/{key}"


def _caller(account: Account) -> str:
    """Return the last parts of the caller's ARN, such as ``assumed-role/Doctor/name``."""
    return str(account.client("sts").get_caller_identity()["Arn"]).rpartition(":")[2]
