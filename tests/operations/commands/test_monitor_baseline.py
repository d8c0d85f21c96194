# SPDX-License-Identifier: MIT-0
"""`accept-baseline` and `undo-baseline`: what was measured is kept with reason and caller, and can be undone."""

import functools
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError
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
    said = monitor_baseline.accept_baseline(account(clients, NOW), reason=" our lamp ", days=10)
    assert f": model package {VERSION}: 110 images of 2 windows are accepted as the baseline." in said
    assert said.endswith("Undoing that goes back to the model's test images.")
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
        monitor_baseline.accept_baseline(account(clients, NOW), reason=reason, days=days)
    assert kept(s3) == []


class Unanswered:
    """S3 that stores an object, and whose answer to that is lost once."""

    def __init__(self, s3: Any) -> None:
        self.s3, self.lost = s3, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.s3, name)

    def put_object(self, **asked: Any) -> Any:
        answer = self.s3.put_object(**asked)
        if not self.lost:
            self.lost = True
            raise ReadTimeoutError(endpoint_url="https://s3")
        return answer


def test_a_command_whose_answer_was_lost_is_run_again_and_nothing_is_stored_twice(
    aws: Services, clients: Clients, s3: Any
) -> None:
    results: list[Result] = []
    for minute, words in enumerate((*2 * [("accept-baseline", "our lamp")], *2 * [("undo-baseline", "a new lamp")])):
        if minute % 2 == 0:
            unanswered = Unanswered(s3)
        live(aws)
        there = functools.partial(lambda own, name: own if name == "s3" else clients(name), unanswered)
        results.append(run(there, *words, now=NOW + timedelta(minutes=minute)))
    assert [each.exit_code for each in results] == [1, 0, 1, 0]
    assert "accepted already at 2026-11-25T12:00:00+00:00" in results[1].output
    assert "undone already at 2026-11-25T12:02:00+00:00" in results[3].output
    assert [(each["action"], each.get("undoes")) for each in kept(s3)] == [("accept", None), ("undo", NOW.isoformat())]
    live(aws)
    other = run(clients, "undo-baseline", "another reason", now=NOW + timedelta(minutes=5))
    assert (other.exit_code, "nothing to undo" in other.output) == (2, True)


def rows(images: int) -> list[dict[str, Any]]:
    return [window(20, images)]


class Folder:
    """The documents that kim and others have written, a minute apart."""

    def __init__(self) -> None:
        self.documents: list[dict[str, Any]] = []

    def accept(self, images: int = 100, reason: str = "lamp", by: str = "kim") -> bool:
        return self._add(baseline_acceptance.acceptance_file, rows(images), reason=reason, by=by)

    def undo(self, reason: str = "no", by: str = "kim") -> bool:
        return self._add(baseline_acceptance.undo_file, reason=reason, by=by)

    def _add(self, make: Callable[..., baseline_acceptance.AcceptanceFile], *given: Any, **more: str) -> bool:
        file = make(self.documents, *given, **more, time=NOW + timedelta(minutes=len(self.documents)))
        self.documents += [json.loads(file.content)] * file.is_new
        assert file.name in {f"20261125T12{at:02d}00.000000Z.json" for at in range(len(self.documents))}
        return file.is_new

    @property
    def standing(self) -> list[int]:
        return [self.documents.index(each) for each in baseline_acceptance.standing_acceptances(self.documents)]


def test_the_same_decision_is_recognized_by_person_reason_and_images() -> None:
    folder = Folder()
    assert [folder.accept(), folder.accept(), folder.accept(101), folder.accept(101, by="lee")] == [1, 0, 1, 1]
    assert [folder.accept(101, "other", "lee"), folder.standing] == [1, [0, 1, 2, 3]]
    assert [folder.undo(), folder.undo(), folder.undo(by="lee"), folder.undo("why")] == [1, 0, 1, 1]
    assert folder.standing == [0]
    assert [folder.accept(), folder.undo("why"), folder.standing] == [0, 0, [0]]
    assert [folder.undo("then"), folder.accept(), folder.undo("then"), folder.standing] == [1, 1, 1, []]


def test_an_undoing_takes_back_what_it_names_whatever_the_clocks_said() -> None:
    folder = Folder()
    folder.accept()
    folder.accept(101)
    folder.undo()
    first, second, undo = folder.documents
    standing = baseline_acceptance.standing_acceptances
    assert standing([first, undo, second]) == [first]
    assert not baseline_acceptance.undo_file([first, undo, second], reason="no", by="kim", time=NOW).is_new
    assert standing([first, second, undo, undo]) == [first]


def test_an_undoing_of_an_earlier_version_takes_the_last_acceptance_back() -> None:
    first, second, undo = ({"action": each, "time": str(n)} for n, each in enumerate(("accept", "accept", "undo")))
    standing = baseline_acceptance.standing_acceptances
    assert standing([first, second, undo]) == [first]
    assert standing([first, second, undo, undo]) == []
    assert standing([first, undo, second]) == [second]
    assert standing([undo, first]) == [first]
    assert standing([first, second, undo, undo | {"undoes": first["time"]}]) == []
    with pytest.raises(ValueError, match="other"):
        standing([first, {"action": "other"}])


def test_without_a_model_in_production_there_is_no_baseline(aws: Services, clients: Clients) -> None:
    has_stack(aws, "storage")
    aws.champion("")
    with pytest.raises(UsageError, match="nothing is there yet"):
        monitor_baseline.undo_baseline(account(clients), reason="x")
