# SPDX-License-Identifier: MIT-0
"""`accept-baseline` and `undo-baseline`: what was measured is kept with reason and caller, and can be undone."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from click.testing import Result
from moto import mock_aws

from operations.commands import monitor_baseline
from operations.functions.errors import UsageError
from pipeline_src import baseline_acceptance
from tests.operations.service import PACKAGE, Services
from tests.operations.shell import account, has_stack, run

RUNS = "runs"
VERSION = PACKAGE.rpartition("/")[2]
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
CALLER = "assumed-role/Doctor/kim"

Clients = Callable[[str], Any]


def window(day: int, images: int) -> dict[str, Any]:
    rows = [[f"{day:02d}{number:014x}", 0.0, "", 1.0] for number in range(images)]
    return {
        "start": f"2026-11-{day:02d}T00:00:00+00:00",
        "end": f"2026-11-{day + 1:02d}T00:00:00+00:00",
        "images": rows,
    }


@pytest.fixture
def s3() -> Iterator[Any]:
    """A runs bucket with windows of three days for the live package, and of another package."""
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s")  # noqa: S106  moto
        client.create_bucket(Bucket=RUNS)
        windows = {
            f"{VERSION}/2026{month}.json": found for month, found in zip(("1102", "1120", "1121"), DAYS, strict=True)
        }
        for key, found in (windows | {f"{VERSION}0/20261120.json": window(20, 900)}).items():
            client.put_object(Bucket=RUNS, Key=f"monitor/history/{key}", Body=json.dumps(found).encode())
        yield client


DAYS = (window(2, 500), window(20, 60), window(21, 50))


@pytest.fixture
def clients(aws: Services, s3: Any) -> Clients:
    return lambda name: s3 if name == "s3" else aws(name)


def live(aws: Services, *, known: bool = True) -> None:
    has_stack(aws, "storage")
    aws.champion(PACKAGE)
    has_stack(aws, "storage")
    if known:
        found = {"Arn": f"arn:aws:sts::111111111111:{CALLER}", "UserId": "x", "Account": "111111111111"}
        aws.answers("sts", "get_caller_identity", found)


def kept(s3: Any) -> list[dict[str, Any]]:
    listed = s3.list_objects_v2(Bucket=RUNS, Prefix=f"monitor-baselines/{VERSION}/").get("Contents", [])
    return [json.loads(s3.get_object(Bucket=RUNS, Key=each["Key"])["Body"].read()) for each in listed]


def test_the_images_of_the_period_are_kept_with_reason_and_caller(aws: Services, clients: Clients, s3: Any) -> None:
    live(aws)
    said = monitor_baseline.accept_baseline(account(clients), reason=" our lamp ", days=10, now=NOW)
    assert said.endswith(f": 110 images of 2 windows accepted as the baseline of model package {VERSION}.")
    (document,) = kept(s3)
    assert (document["reason"], document["by"], document["time"]) == ("our lamp", CALLER, NOW.isoformat())
    assert document["windows"] == [*DAYS[1:]]


@pytest.mark.parametrize(
    ("reason", "days", "message"),
    [("our lamp", 5, "50 different images were measured in the period; 100 are needed"), (" ", 10, "reason is empty")],
)
def test_too_few_images_or_no_reason_keep_nothing(  # noqa: PLR0913  a fixture each, and a case
    aws: Services, clients: Clients, s3: Any, reason: str, days: int, *, message: str
) -> None:
    live(aws)
    with pytest.raises(UsageError, match=f"model package {VERSION}: .*{message}"):
        monitor_baseline.accept_baseline(account(clients), reason=reason, days=days, now=NOW)
    assert kept(s3) == []


def test_an_acceptance_is_undone_once_and_both_stay_on_record(aws: Services, clients: Clients, s3: Any) -> None:
    results: list[Result] = []
    for words in (("accept-baseline", "our lamp", "--days", "30"), *2 * [("undo-baseline", "a new lamp")]):
        live(aws)
        results.append(run(clients, *words))
    assert [each.exit_code for each in results] == [0, 0, 2]
    assert "undone. The baseline is the model's test images again." in results[1].output
    assert "nothing to undo" in results[2].output
    assert [each["action"] for each in kept(s3)] == ["accept", "undo"]


def test_undoing_goes_back_to_the_acceptance_before() -> None:
    first, second, undo = ({"action": each, "time": str(n)} for n, each in enumerate(("accept", "accept", "undo")))
    standing = baseline_acceptance.standing_acceptances
    assert standing([first, second, undo]) == [first]
    assert standing([first, undo, second]) == [second]
    assert standing([undo, first]) == [first]
    with pytest.raises(ValueError, match="other"):
        standing([first, {"action": "other"}])


def test_without_a_model_in_production_there_is_no_baseline(aws: Services, clients: Clients) -> None:
    has_stack(aws, "storage")
    aws.champion("")
    with pytest.raises(UsageError, match="nothing is there yet"):
        monitor_baseline.undo_baseline(account(clients), reason="x", now=NOW)


def test_names_of_files_sort_by_their_times() -> None:
    times = [NOW, NOW.replace(microsecond=1), NOW.replace(day=26)]
    names = [baseline_acceptance.acceptance_file_name(time) for time in times]
    assert names == sorted(names)
    assert len(set(names)) == 3
