# SPDX-License-Identifier: MIT-0
"""All executions there are, and finding the one that a user means."""

from pathlib import Path
from typing import Final

from local import document, owner
from local.error import UsageError
from local.execution import FILE, ID, LATEST, Record

_INTERRUPTED: Final = "interrupted: the process that ran it is gone. Run it again: finished steps are reused."
_NEWEST: Final = 5


def load_all(runs: Path) -> list[Record]:
    """Return all executions, oldest first; one whose process is gone is ended as Stopped."""
    found = [Record(path, document.read(path)) for path in runs.glob(f"*/{FILE}") if ID.fullmatch(path.parent.name)]
    for record in found:
        if record.status == "Executing" and not owner.is_alive(record.data["Local"]["Process"]):
            record.end("Stopped", _INTERRUPTED)
    # Two may begin within one tick of the clock: the id then keeps the order the same in every listing.
    return sorted(found, key=lambda record: (str(record.data["CreationTime"]), record.execution_id))


def load(runs: Path, name: str) -> Record:
    """Return the execution that `name` means: an id, the unique beginning of one, or `latest`.

    Raises:
        UsageError: There is none, or more than one.
    """
    records = load_all(runs)
    if not records:
        raise UsageError(f"run {name!r}: there are no runs in {runs}. Start one: python -m local demo")
    if name == LATEST:
        return records[-1]
    matches = [record for record in records if record.execution_id.startswith(name)]
    if len(matches) == 1:
        return matches[0]
    ids = ", ".join(record.execution_id for record in matches or records[-_NEWEST:])
    problem = f"{len(matches)} runs begin so: {ids}" if matches else f"no such run. The newest: {ids}"
    raise UsageError(f"run {name!r}: {problem}. List them: python -m local runs")
