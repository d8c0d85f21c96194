# SPDX-License-Identifier: MIT-0
"""Which captured requests a run of the monitor looks at: the last whole day or hour in UTC, or all that are kept.

A whole day or hour is one folder of SageMaker's data capture, ``yyyy/mm/dd/hh``, so that a job fetches what it looks at
and nothing else, and no request is looked at twice.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from operations.error import UsageError
from operations.watch import DAY, HOUR


@dataclass(frozen=True)
class Window:
    """A period.

    Attributes:
        word: What names it in the name of a job.
        folder: Below the folder of all captures; empty: all of them.
        start: From when on; None: from the first on.
        end: Until before when.
    """

    word: str
    folder: str
    start: datetime | None
    end: datetime

    def since(self, earliest: datetime) -> datetime:
        """Return from when on requests count where none before `earliest` do."""
        return earliest if self.start is None else max(self.start, earliest)


def asked_for(kind: str, time: str) -> Window:
    """Return the window of that kind (`watch.WINDOWS`) for a run at `time`.

    Raises:
        UsageError: `time` is none with a zone.
    """
    now = _moment(time)
    if kind == DAY:
        end = now.replace(hour=0, minute=0, second=0, microsecond=0)
        start = end - timedelta(days=1)
        return Window(f"{start:%Y%m%d}", f"{start:%Y/%m/%d}/", start, end)
    if kind == HOUR:
        end = now.replace(minute=0, second=0, microsecond=0)
        start = end - timedelta(hours=1)
        return Window(f"{start:%Y%m%dT%H}", f"{start:%Y/%m/%d/%H}/", start, end)
    # The word is the second of the upload: whoever uploads twice within one gets one run, which reads both.
    return Window(f"{kind}-{now:%Y%m%dT%H%M%S}", "", None, now)


def text(time: datetime) -> str:
    """Return the time as Model Monitor hands it to a container."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(given: str) -> datetime:
    try:
        found = datetime.fromisoformat(given)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise UsageError(f"time {given!r}: is none in a zone. Write it as 2026-11-25T01:00:00Z.")
    return found.astimezone(UTC)
