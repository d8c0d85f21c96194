# SPDX-License-Identifier: MIT-0
"""Reports the progress of a first run, and starts the pipeline after asking.

The state is judged, kept as JSON, and printed as tables.
"""

import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from operations.account import aws_errors, cloudformation_stacks, terminal_output
from operations.account.deployment_account import Account
from operations.account.terminal_output import print_line
from operations.commands import retraining_execution
from operations.first_run.aws_beliefs import BELIEFS, PAGE, Belief
from operations.first_run.belief_checks import (
    BeliefOutcome,
    BeliefVerdict,
    belief_held,
    belief_not_applicable,
    belief_not_reached,
)
from operations.first_run.first_run_state import (
    FirstRunObservations,
    Milestone,
    MilestoneStatus,
    list_milestones,
    may_start_pipeline,
)
from operations.functions import aws_clients
from operations.functions.errors import AccountError, OperationError, StoppedError

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


FIRST_RUN_FILE: Final = Path(".local/first-run.json")
_SECONDS: Final = 30.0


@click.command("first-run")
@click.option("--yes", is_flag=True, help="Start the pipeline without asking.")
@click.option("--wait", is_flag=True, help="Follow it until it needs you or has ended.")
@click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=FIRST_RUN_FILE,
    show_default=True,
    help="File that keeps the state.",
)
@click.pass_context
def walk_first_run(context: click.Context, path: Path, *, yes: bool, wait: bool) -> None:
    """Report the progress of a first run, and which beliefs about AWS held (docs/beliefs.md).

    If the pipeline has never run, the command asks and starts it on the uploaded archive. Run it again at any time.
    Exit codes: 0 nothing failed, 1 a step or a belief failed, 2 bad usage, credentials or nothing deployed.
    """
    account: Account = context.obj
    console = terminal_output.output_console()
    _offer_start(account, console, None if yes else click.confirm)
    found = _followed(account, path, terminal_output.error_console()) if wait else _look(account, path)
    print_first_run(found, console)
    print_line(console, f"Saved in {path}. {'It continues; look again' if found.is_moving else 'Next'}: {_next(found)}")
    context.exit(found.exit_code)


def _offer_start(account: Account, console: Console, ask: Callable[[str], bool] | None) -> None:
    """Start the pipeline if there is an archive and it has never run, unless the user says no."""
    seen = FirstRunObservations(account)
    if not may_start_pipeline(seen):
        return
    if ask is None or ask(f"Start the pipeline on {seen.archive}? It trains a model; make cost estimates the cost."):
        execution = retraining_execution.start_retraining_execution(account, "")
        print_line(console, f"Started: {aws_clients.execution_console_url(execution)}")


def _look(account: Account, path: Path) -> FirstRun:
    """Read the state and save it."""
    storage = cloudformation_stacks.describe_stack(account.client("cloudformation"), account.stack_name("storage"))
    if storage is None:
        raise AccountError(f"deployment {account.name!r}: nothing is deployed in {account.region}. Run make deploy.")
    earlier = read_earlier(path)
    found = look_at_first_run(FirstRunObservations(account), storage.arn, earlier)
    write_first_run(found, path)
    return found


def _followed(account: Account, path: Path, console: Console) -> FirstRun:
    """Print each change of a milestone until nothing continues without the user.

    Raises:
        StoppedError: Ctrl-C; running work continues.
    """
    said: set[tuple[str, MilestoneStatus]] = set()
    try:
        while (found := _look(account, path)).is_moving:
            for each in found.milestones:
                if each.progress is not MilestoneStatus.OPEN and (each.name, each.progress) not in said:
                    said.add((each.name, each.progress))
                    print_line(console, f"{each.name}: {each.progress}")
            account.sleep(_SECONDS)
    except KeyboardInterrupt:
        raise StoppedError("stopped waiting; running work continues. Look again: make first-run") from None
    return found


def _next(found: FirstRun) -> str:
    return "make first-run" if found.is_moving or found.exit_code else "make next"
