# SPDX-License-Identifier: MIT-0
"""A run of the monitor looks at a whole day or hour that is over, or at all that is kept."""

from datetime import UTC, datetime

import pytest

from operations.functions import monitoring_runs
from operations.functions.errors import UsageError
from operations.functions.function_payloads import DAY_WINDOW, HOUR_WINDOW, LABELS


@pytest.mark.parametrize(
    ("kind", "time", "word", "folder", "period"),
    [
        (DAY_WINDOW, "2026-11-25T01:00:00Z", "20261124", "2026/11/24/", ((24, 0), (25, 0))),
        (DAY_WINDOW, "2026-11-25T00:00:00Z", "20261124", "2026/11/24/", ((24, 0), (25, 0))),
        (DAY_WINDOW, "2026-11-25T00:30:00+01:00", "20261123", "2026/11/23/", ((23, 0), (24, 0))),
        (HOUR_WINDOW, "2026-11-25T00:20:07Z", "20261124T23", "2026/11/24/23/", ((24, 23), (25, 0))),
    ],
)
def test_a_run_looks_at_the_last_whole_one_in_utc(
    kind: str, time: str, word: str, folder: str, period: tuple[tuple[int, int], ...]
) -> None:
    found = monitoring_runs.monitoring_window(kind, time)
    assert (found.word, found.folder) == (word, folder)
    assert (found.start, found.end) == tuple(datetime(2026, 11, *each, tzinfo=UTC) for each in period)


def test_labels_are_looked_up_in_all_that_is_kept() -> None:
    found = monitoring_runs.monitoring_window(LABELS, "2026-11-25T10:20:30Z")
    assert (found.word, found.folder, found.start) == ("labels-20261125T102030", "", None)
    assert monitoring_runs.format_utc_time(found.end) == "2026-11-25T10:20:30Z"


def test_requests_of_an_earlier_model_do_not_count() -> None:
    yesterday = monitoring_runs.monitoring_window(DAY_WINDOW, "2026-11-25T01:00:00Z")
    noon, before = datetime(2026, 11, 24, 12, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC)
    assert yesterday.since(noon) == noon
    assert yesterday.since(before) == yesterday.start
    assert monitoring_runs.monitoring_window(LABELS, "2026-11-25T10:20:30Z").since(before) == before


@pytest.mark.parametrize("time", ["yesterday", "", "2026-11-25T01:00:00"])
def test_a_time_without_a_zone_is_refused(time: str) -> None:
    with pytest.raises(UsageError, match=r"not a time with a zone, such as 2026-11-25T01:00:00Z"):
        monitoring_runs.monitoring_window(DAY_WINDOW, time)
