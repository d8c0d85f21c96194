# SPDX-License-Identifier: MIT-0
"""What production was asked comes back: served, asked, monitored, exported, and taken by the next run."""

import csv
import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.loop.home import Home, Loop

SENT = 130  # of which the monitor wants 100
LABELLED = 40


@pytest.fixture(scope="module")
def since() -> str:
    """A second that nothing was captured in by tests before."""
    time.sleep(1)
    return datetime.now(UTC).isoformat(timespec="seconds")


@pytest.fixture(scope="module")
def labels(loop: Loop, endpoint: int, since: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The classes of some of the pictures that the served model was just asked about."""
    assert since
    path = tmp_path_factory.mktemp("labels") / "labels.csv"
    sent = loop.home.local(
        "traffic", "--images", str(SENT), "--seed", "9", "--port", str(endpoint), "--write-labels", path
    )
    assert sent.returncode == 0, sent.stdout + sent.stderr
    path.write_text("".join(path.read_text().splitlines(keepends=True)[: LABELLED + 1]))
    return path


def splits(home: Home, archive: str) -> dict[str, str]:
    """Return the split of each image of `archive` in the newest dataset."""
    with home.output("manifest.csv").open(newline="") as rows:
        return {row["image_id"]: row["split"] for row in csv.DictReader(rows) if row["archive"] == archive}


def card(home: Home) -> Any:
    return json.loads(home.output("dataset_card.json").read_text())


def test_the_monitor_sees_the_last_request_at_once_and_does_not_object(loop: Loop, labels: Path, since: str) -> None:
    found = loop.home.local("monitor", "--since", since, "--labels", labels)
    assert found.returncode == 0, found.stdout + found.stderr
    assert f"{SENT} " in found.stdout
    assert "was not captured" not in found.stdout


def test_what_was_confirmed_joins_training_and_moves_nothing_of_the_first_archive(loop: Loop, labels: Path) -> None:
    before = splits(loop.home, "base")
    exported = loop.home.local("export", "--labels", labels)
    assert exported.returncode == 0, exported.stdout + exported.stderr
    assert f"{LABELLED} images were exported, {LABELLED} of them new" in exported.stdout
    (addition,) = (loop.home.path / "s3/local-raw/additions").glob("*.zip")
    assert re.search(rf"--add \S*{addition.name}", exported.stdout)
    run = loop.home.local("run", "--archive", loop.archive, "--add", addition, "--until", "Preprocess")
    assert run.returncode == 0, run.stdout + run.stderr
    assert splits(loop.home, "base") == before
    added = splits(loop.home, "addition")
    assert len(added) == LABELLED
    assert {*added.values()} == {"train", "validation"}
    assert f"Of them from the additional archive: {LABELLED}, none of them in test" in run.stdout
    assert card(loop.home)["addition"]["sha256"] == addition.stem


def test_runs_are_compared_on_what_was_confirmed_and_none_of_them_learned_from(loop: Loop, labels: Path) -> None:
    assert labels
    (addition,) = (loop.home.path / "s3/local-raw/additions").glob("*.zip")
    listed = json.loads(loop.home.local("runs", "--json", "--outcome", "passed").stdout)
    run = listed[0]["run"]
    found = loop.home.local("compare", run, run, "--images", addition)
    assert found.returncode == 0, found.stdout + found.stderr
    on_production = found.stdout.partition(f"On {LABELLED} confirmed images of production that no run learned from")[2]
    assert len(re.findall(rf"{run}: \d+ of {LABELLED} correct, found \d+ of \d+ melanomas", on_production)) == 2
    # So few images lack a class, without which there is no balanced accuracy.
    assert "(1 of 7 classes are missing), so the balanced accuracy cannot be compared. Confirm more" in on_production
