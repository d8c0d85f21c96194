# SPDX-License-Identifier: MIT-0
"""Which run a command takes where nobody names one: the newest that it can use, which need not be the newest of all.

A run that failed, was stopped or is still going on leaves nothing to serve or to monitor, and hides nothing older.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from rich.console import Console

from local import capture, history, judged, serving
from local.error import LocalError
from local.execution import LATEST, Record
from local.home import Home
from local.registry import Registry
from local.store import Store


class Wish(NamedTuple):
    """What a command needs of a run: in words that follow "the newest that", and whether a run has it."""

    words: str
    holds: Callable[[Record, Home], bool]


def run(name: str, home: Home, shown: Console, *wishes: Wish) -> Record:
    """Return the run that `name` means; of those that `latest` may mean, the newest that the first wish holds for.

    Args:
        name: an id, the unique beginning of one, or `latest`.
        home: where the runs lie.
        shown: is told which run was taken where `name` does not say it.
        wishes: the later ones count where no run has the earlier; where none has any, the newest run of all is taken,
            so that the command says what that one lacks.

    Raises:
        UsageError: there is no such run.
    """
    record = history.load(home.runs, name)
    if name != LATEST:
        return record
    newest_first = history.load_all(home.runs)[::-1]
    for wish in wishes:
        found = next((each for each in newest_first if wish.holds(each, home)), None)
        if found is not None:
            shown.print(f"Run {found.execution_id}, the newest that {wish.words}", style="dim", highlight=False)
            return found
    return record


def _is_approved(record: Record, home: Home) -> bool:
    try:
        return bool(serving.approved_package(record, Registry(home.registry)))
    except LocalError:
        return False


def _is_registered(record: Record, home: Home) -> bool:
    try:
        return bool(Registry(home.registry).describe(serving.registered(record)))
    except LocalError:
        return False


def _is_captured(record: Record, home: Home) -> bool:
    return Store(home.s3).holds(capture.prefix(capture.endpoint_name(record.execution_id)))


def _is_judged(record: Record, _home: Home) -> bool:
    try:
        return bool(judged.pictures(record))
    except LocalError:
        return False


APPROVED: Final = Wish("is approved", _is_approved)
REGISTERED: Final = Wish("registered a model", _is_registered)
CAPTURED: Final = Wish("was captured", _is_captured)
JUDGED: Final = Wish("held pictures out", _is_judged)
