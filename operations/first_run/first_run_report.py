# SPDX-License-Identifier: MIT-0
"""Judges the state of a first run, keeps it as JSON, and prints it as tables."""

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

from operations.account import aws_errors
from operations.account.terminal_output import print_line
from operations.first_run.aws_beliefs import BELIEFS, PAGE, Belief
from operations.first_run.belief_checks import (
    BeliefOutcome,
    BeliefVerdict,
    belief_held,
    belief_not_applicable,
    belief_not_reached,
)
from operations.first_run.first_run_milestones import Milestone, MilestoneStatus, list_milestones
from operations.first_run.first_run_observations import FirstRunObservations
from operations.functions.errors import OperationError

_STYLES: Final = {
    MilestoneStatus.DONE: "green",
    MilestoneStatus.RUNNING: "cyan",
    MilestoneStatus.WAITING: "yellow",
    MilestoneStatus.FAILED: "red",
    MilestoneStatus.OPEN: "dim",
    BeliefVerdict.HELD: "green",
    BeliefVerdict.FAILED: "red",
    BeliefVerdict.OPEN: "dim",
    BeliefVerdict.NOT_APPLICABLE: "dim",
}


@dataclass(frozen=True)
class FirstRun:
    """The state of a first run.

    Attributes:
        deployment: Id of the storage stack, which identifies the deployment.
        looked: Time in ISO 8601.
        milestones: Milestones in order.
        outcomes: Outcomes by the ids of the beliefs.
    """

    deployment: str
    looked: str
    milestones: Sequence[Milestone]
    outcomes: Mapping[str, BeliefOutcome]

    @property
    def exit_code(self) -> int:
        """1 if a milestone or a belief failed, else 0."""
        states = [*(each.progress for each in self.milestones), *(each.verdict for each in self.outcomes.values())]
        return int(any(state in (MilestoneStatus.FAILED, BeliefVerdict.FAILED) for state in states))

    @property
    def is_moving(self) -> bool:
        """True if something continues without the user."""
        return any(each.progress is MilestoneStatus.RUNNING for each in self.milestones)


def look_at_first_run(seen: FirstRunObservations, deployment: str, earlier: FirstRun | None) -> FirstRun:
    """Return the state; a belief that held in `earlier` and is not reached now has held."""
    outcomes = {belief.id: _judged(belief, seen) for belief in BELIEFS}
    known = earlier.outcomes if earlier and earlier.deployment == deployment else {}
    kept = {
        name: known[name]
        for name, outcome in outcomes.items()
        if outcome.verdict is BeliefVerdict.OPEN and name in known and known[name].verdict is BeliefVerdict.HELD
    }
    return FirstRun(deployment, seen.now.isoformat(timespec="seconds"), list_milestones(seen), outcomes | kept)


def _judged(belief: Belief, seen: FirstRunObservations) -> BeliefOutcome:
    """Return the outcome of a belief; not reached if AWS does not answer, not applicable with another algorithm."""
    try:
        if belief.applies and not belief.applies(seen.algorithm):
            return belief_not_applicable(f"the algorithm is {seen.algorithm.name}")
        return belief.check(seen)
    except aws_errors.AWS_ERRORS as error:
        return belief_not_reached(f"not checked: {aws_errors.explain_aws_error(error)}")
    except OperationError as error:
        return belief_not_reached(f"not checked: {error}")


def write_first_run(found: FirstRun, path: Path) -> None:
    """Write the state to a temporary file and rename it to `path`, so that `path` is always complete."""
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
    """Return the beliefs that held earlier; None if the file does not exist or is not such a file."""
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        kept = {
            name: belief_held(each["message"])
            for name, each in document["beliefs"].items()
            if each["verdict"] == BeliefVerdict.HELD.value
        }
        return FirstRun(document["deployment"], document["looked"], [], kept)
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None


def print_first_run(found: FirstRun, console: Console) -> None:
    """Print both tables, the remedies, and the counts."""
    console.print(_table("milestone", [(each.name, each.progress, each.detail) for each in found.milestones]))
    console.print()
    shown = [(name, outcome.verdict, outcome.message) for name, outcome in found.outcomes.items()]
    console.print(_table("belief", shown))
    console.print()
    for belief in BELIEFS:
        if found.outcomes[belief.id].verdict is BeliefVerdict.FAILED:
            print_line(console, f"- {belief.id}: {belief.text} Failed. Instead: {belief.fallback}")
    for each in found.milestones:
        if each.progress in (MilestoneStatus.WAITING, MilestoneStatus.FAILED):
            print_line(console, f"- {each.name}: {each.progress}: {each.detail}")
    counts = Counter(outcome.verdict for outcome in found.outcomes.values())
    print_line(console, f"{', '.join(f'{counts[each]} {each}' for each in BeliefVerdict)}. See {PAGE}")


def _table(what: str, rows: Sequence[tuple[str, MilestoneStatus | BeliefVerdict, str]]) -> Table:
    table = Table(what, "", "seen", box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name, state, detail in rows:
        # Text, because square brackets in a reason are not markup.
        table.add_row(name, Text(state, style=_STYLES[state]), Text(detail, overflow="fold"))
    return table
