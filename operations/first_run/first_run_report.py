# SPDX-License-Identifier: MIT-0
"""What one look at a first run found: judged, kept as JSON, and shown as tables."""

import json
import os
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from operations.command import refusal
from operations.command.terminal import say
from operations.error import OperationError
from operations.first_run.belief_checks import Outcome, Verdict, held, not_reached
from operations.first_run.beliefs import BELIEFS, PAGE, Belief
from operations.first_run.milestones import Milestone, Progress, milestones
from operations.first_run.observations import Observations

_STYLES: Final = {
    Progress.DONE: "green",
    Progress.RUNNING: "cyan",
    Progress.WAITING: "yellow",
    Progress.FAILED: "red",
    Progress.OPEN: "dim",
    Verdict.HELD: "green",
    Verdict.FAILED: "red",
    Verdict.OPEN: "dim",
}


@dataclass(frozen=True)
class FirstRun:
    """What one look found.

    Attributes:
        deployment: Id of the storage stack, which tells one deployment from another.
        looked: When, in ISO 8601.
        milestones: In their order.
        outcomes: By the ids of the beliefs.
    """

    deployment: str
    looked: str
    milestones: Sequence[Milestone]
    outcomes: Mapping[str, Outcome]

    @property
    def exit_code(self) -> int:
        """1 if a milestone or a belief failed, else 0."""
        states = [*(each.progress for each in self.milestones), *(each.verdict for each in self.outcomes.values())]
        return int(any(state in (Progress.FAILED, Verdict.FAILED) for state in states))

    @property
    def is_moving(self) -> bool:
        """Whether something goes on by itself."""
        return any(each.progress is Progress.RUNNING for each in self.milestones)


def looked(seen: Observations, deployment: str, earlier: FirstRun | None) -> FirstRun:
    """Return what a look finds; a belief that held in an earlier look and is not reached in this one has held."""
    outcomes = {belief.id: _judged(belief, seen) for belief in BELIEFS}
    known = earlier.outcomes if earlier and earlier.deployment == deployment else {}
    kept = {
        name: known[name]
        for name, outcome in outcomes.items()
        if outcome.verdict is Verdict.OPEN and name in known and known[name].verdict is Verdict.HELD
    }
    return FirstRun(deployment, seen.now.isoformat(timespec="seconds"), milestones(seen), outcomes | kept)


def _judged(belief: Belief, seen: Observations) -> Outcome:
    """Return what was seen of a belief; where AWS does not answer, that."""
    try:
        return belief.check(seen)
    except refusal.REFUSALS as error:
        return not_reached(f"could not look: {refusal.explained(error)}")
    except OperationError as error:
        return not_reached(f"could not look: {error}")


def write(found: FirstRun, path: Path) -> None:
    """Write what was found to `path` aside, then rename it, so that `path` is always whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "deployment": found.deployment,
        "looked": found.looked,
        "milestones": [asdict(each) for each in found.milestones],
        "beliefs": {name: asdict(outcome) for name, outcome in found.outcomes.items()},
    }
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    aside = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(json.dumps(document, indent=2) + "\n")
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def read_earlier(path: Path) -> FirstRun | None:
    """Return which beliefs an earlier look saw hold; None where there was none, or the file is not of one."""
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        kept = {
            name: held(each["message"])
            for name, each in document["beliefs"].items()
            if each["verdict"] == Verdict.HELD.value
        }
        return FirstRun(document["deployment"], document["looked"], [], kept)
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None


def show(found: FirstRun, console: Console) -> None:
    """Print both tables, what to do about what failed, and the counts."""
    console.print(_table("milestone", [(each.name, each.progress, each.detail) for each in found.milestones]))
    console.print()
    shown = [(name, outcome.verdict, outcome.message) for name, outcome in found.outcomes.items()]
    console.print(_table("belief", shown))
    console.print()
    for belief in BELIEFS:
        if found.outcomes[belief.id].verdict is Verdict.FAILED:
            say(console, f"- {belief.id}: {belief.text} Failed. Instead: {belief.fallback}")
    for each in found.milestones:
        if each.progress in (Progress.WAITING, Progress.FAILED):
            say(console, f"- {each.name}: {each.progress}: {each.detail}")
    counts = Counter(outcome.verdict for outcome in found.outcomes.values())
    say(console, f"{', '.join(f'{counts[each]} {each}' for each in Verdict)}. What each is: {PAGE}")


def _table(what: str, rows: Sequence[tuple[str, Progress | Verdict, str]]) -> Table:
    table = Table(what, "", "seen", box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name, state, detail in rows:
        # A reason may hold square brackets, which are no markup.
        table.add_row(name, Text(state, style=_STYLES[state]), Text(detail, overflow="fold"))
    return table
