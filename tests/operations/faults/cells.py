# SPDX-License-Identifier: MIT-0
"""What each program does under each fault at each of its calls, and the page about it."""

import ast
import dataclasses
import functools
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
from botocore import xform_name

from tests.operations.faults.injector import CHANGES, OPERATIONS, PAGE_ITEMS, Call, Fault, Kit
from tests.operations.faults.programs import PROGRAMS, Outcome, Program

PAGE: Final = Path(__file__).parents[3] / "docs" / "faults.md"
# Columns of the page: the faults in them.
COLUMNS: Final[Mapping[str, tuple[tuple[str, bool], ...]]] = {
    "throttled once": (("throttled", False),),
    "throttled": (("throttled", True),),
    "5xx once": (("server error", False),),
    "5xx": (("server error", True),),
    "request lost": (("lost", False), ("lost", True)),
    "answer lost once": (("unanswered", False),),
    "answer lost": (("unanswered", True),),
    "denied": (("denied", True),),
    "part": (("partial", False),),
    "stale": (("stale", False),),
    "twice": (("twice", False),),
}
_REMEDY: Final = re.compile(
    r"\b([Rr]un|[Rr]etry|[Uu]se|[Cc]heck|[Dd]eploy|[Hh]ave|[Ff]ix|[Tt]ry|command sends the rest)\b"
)
_BODIES: Final = ("get_object", "invoke_endpoint")
_NAMED_LOOKUPS: Final = ("describe_stacks", "describe_alarms", "describe_images")  # of one thing: there are no pages
PAGES_COLUMN: Final = "over 100"
# The columns in which defects were found that no other column shows; `make test` tries these.
QUICK_COLUMNS: Final = ("answer lost once", "denied", "part", "stale", "twice", PAGES_COLUMN)
RECOVERS, STOPS, NONE = "on", "stop", ""


@dataclass(frozen=True)
class Row:
    """A call, the program in which it is tried, and the result by column."""

    call: Call
    service: str
    program: str
    results: Mapping[str, str]


@dataclass(frozen=True)
class Clean:
    """What a program leaves without a fault, and what it says if that is all that it does."""

    effects: Any
    said: str


class WrongError(AssertionError):
    """A program did under a fault what it must not do."""


def calls_in_code() -> set[Call]:
    """Return the calls that the modules of operations/ make, from their syntax trees.

    A call of boto3 takes keywords alone, and is on something that is no module of ours; the operations of paginators
    and of tables are strings.
    """
    known = _operations()
    return {
        Call(str(path.relative_to(OPERATIONS)), name)
        for path in OPERATIONS.rglob("*.py")
        for name in _names(ast.parse(path.read_text(encoding="utf-8")))
        if name in known
    }


def _names(tree: ast.AST) -> Iterator[str]:
    modules = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom | ast.Import)
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
            base = node.func.value
            if not (isinstance(base, ast.Name) and base.id in modules):
                yield node.func.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "_" in node.value:
            yield node.value


@functools.cache
def _operations() -> set[str]:
    """Return the names that boto3 gives the operations of each service that the code names."""
    session = boto3.session.Session(region_name="us-east-1")
    services = set(session.get_available_services())
    named = {
        node.value
        for path in OPERATIONS.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in services
    }
    loader = session._session.get_service_model
    return {xform_name(name) for service in named for name in loader(service).operation_names} | {"get_connection"}


def clean_run(program: Program) -> tuple[Clean, dict[Call, str]]:
    """Run the program without a fault; return what it leaves, and its calls with their services.

    Raises:
        WrongError: It does not end as it must.
    """
    world = program.world(Kit())
    clean = program.start(world)
    if clean.succeeded == program.fails:
        raise WrongError(f"{program.name}: without a fault: {clean.said}")
    return Clean(effects(world.state), clean.said if program.reports or program.fails else ""), world.seen


def all_rows() -> list[Row]:
    """Return the rows of the page: a function is tried at each of its calls, most commands at those that are new."""
    found: list[Row] = []
    tried: set[Call] = set()
    for program in PROGRAMS:
        _, seen = clean_run(program)
        calls = set(seen) if program.is_function or program.whole else set(seen) - tried
        found += rows(program, calls, [*COLUMNS, PAGES_COLUMN])
        tried |= calls
    return found


def rows(program: Program, calls: Collection[Call], columns: Collection[str], *, again: bool = True) -> list[Row]:
    """Return a row for each of the calls.

    Args:
        program: The program.
        calls: The calls at which it is tried.
        columns: The faults that are tried.
        again: Whether a program that has stopped is run once more.

    Raises:
        WrongError: The program did what it must not do.
    """
    clean, seen = clean_run(program)
    paged = crowded(program) if PAGES_COLUMN in columns else set()
    found = []
    for call in sorted(calls, key=str):
        results = _results(program, call, clean, columns, again=again)
        if PAGES_COLUMN in columns:
            results[PAGES_COLUMN] = RECOVERS if call in paged else NONE
        found.append(Row(call, seen[call], program.name, results))
    return found


def effects(state: Any) -> Any:
    """Return a state in a form that can be compared."""
    if hasattr(state, "effects"):
        return state.effects()
    found = dataclasses.asdict(state)
    if "starters" in found:
        found["starters"] = [each["status"] for each in found["starters"]]
    return found


def _results(program: Program, call: Call, clean: Clean, columns: Collection[str], *, again: bool) -> dict[str, str]:
    kits = {lasting: Kit() for lasting in (False, True)}
    found = {
        column: {
            _tried(program, Fault(kind, call, lasting), clean, kits[lasting], again=again) for kind, lasting in faults
        }
        - {NONE}
        for column, faults in COLUMNS.items()
        if column in columns
    }
    return {column: " or ".join(sorted(results)) for column, results in found.items()}


def _is_possible(fault: Fault) -> bool:
    """Return whether a fault can happen and be told from an answer."""
    if fault.kind == "denied":
        # S3 answers 403 for the bucket of another account too: ListBuckets tells them apart.
        return fault.call.operation != "head_bucket"
    if fault.kind == "partial":
        return fault.call.operation not in _NAMED_LOOKUPS
    return fault.kind != "twice" or bool(CHANGES.match(fault.call.operation.title().replace("_", "")))


def _tried(program: Program, fault: Fault, wanted: Clean, kit: Kit, *, again: bool) -> str:
    """Return what came of one fault; empty if it cannot happen at this call."""
    if not _is_possible(fault):
        return NONE
    world = program.world(kit)
    world.fault = fault
    place = f"{program.name}: {fault.call.module}: {fault.call.operation}: {fault.kind}{', lasting' * fault.lasting}"
    outcome = program.start(world)
    if not world.fired:
        return NONE
    if outcome.succeeded or outcome.said == wanted.said:
        _same(place, world.state, wanted, outcome)
        return RECOVERS
    if fault.kind == "partial" and fault.call.operation not in _BODIES:
        raise WrongError(f"{place}: stops although another page follows: {outcome.said}")
    _explained(place, fault, outcome)
    if not again:
        return STOPS
    world.fault = None
    if hasattr(world.state, "begin_again"):
        world.state.begin_again()
    ended = program.start(world)
    if ended.succeeded == program.fails:
        raise WrongError(f"{place}: the next run fails too: {ended.said}")
    _same(f"{place}: the next run", world.state, wanted, ended)
    return STOPS


def _same(place: str, state: Any, clean: Clean, outcome: Outcome) -> None:
    found, wanted = effects(state), clean.effects
    if clean.said and "stale" not in place and _without_ids(outcome.said) != _without_ids(clean.said):
        raise WrongError(f"{place}: says {outcome.said!r} and not {clean.said!r}")
    if found != wanted:
        differing = {key: (found[key], wanted[key]) for key in wanted if found[key] != wanted[key]}
        raise WrongError(f"{place}: says {outcome.said!r}, and leaves another state: {differing}")


def _without_ids(said: str) -> str:
    """Return what was said without the random part of an execution's name."""
    return re.sub(r"manual-[0-9a-f-]{36}", "manual", said)


def _explained(place: str, fault: Fault, outcome: Outcome) -> None:
    """Raise unless the sentence names call, cause and remedy."""
    named = fault.call.operation.replace("_", "").lower() in outcome.said.lower().replace(" ", "")
    causes = {
        "throttled": "ThrottlingException", "server error": "InternalFailure", "denied": "AccessDenied",
        "lost": "timeout", "unanswered": "timeout",
    }  # fmt: skip
    cause = causes.get(fault.kind, "").lower() in outcome.said.lower() or (
        fault.kind == "denied" and "may not" in outcome.said
    )
    if fault.kind in causes and not (named and cause and _REMEDY.search(outcome.said)):
        raise WrongError(f"{place}: no sentence with call, cause and remedy: {outcome.said!r}")


def crowded(program: Program) -> set[Call]:
    """Run the program where there are more than a hundred of each thing, and return the calls whose answers have pages.

    Raises:
        WrongError: It did not come to the same end as with answers in one page.
    """
    kit = Kit()
    worlds = [program.world(kit) for _ in range(2)]
    outcomes = []
    for world, page in zip(worlds, (1_000_000, PAGE_ITEMS), strict=True):
        program.crowd(world.state)
        world.page = page
        outcomes.append(program.start(world))
    place = f"{program.name}: more than a hundred of each"
    if outcomes[1].succeeded == program.fails:
        raise WrongError(f"{place}: {outcomes[1].said}")
    clean = Clean(effects(worlds[0].state), outcomes[0].said if program.reports else "")
    _same(place, worlds[1].state, clean, outcomes[1])
    return worlds[1].cut


_HEAD: Final = """\
# AWS calls under faults

Generated: `make faults` runs each program below under each fault at each of its AWS calls, and writes this page.
`make test` compares the list of calls with the code, and tries the columns with an asterisk at the functions and at the
commands that change something.

The SDK's own clients run with the retries of production; the services are replaced where a request would be sent.

- **on**: the program goes on and comes to the same end as without the fault. State is compared: executions, jobs,
  deliveries, objects, labels, deletions, and what a command reports.
- **stop**: the program stops with a sentence that names call, cause and remedy, and its exit code or error says that it
  failed. Run again without the fault it comes to the same end.
- empty: the fault cannot happen at this call.

| column | fault |
|---|---|
| throttled once, throttled | ThrottlingException at the first attempt, or at all |
| 5xx once, 5xx | the service fails at the first attempt, or at all |
| request lost | no connection, at the first attempt and at all |
| answer lost once, answer lost | the request is done and the answer does not arrive, at the first attempt or at all |
| denied | AccessDeniedException |
| part | the first page is empty and another one follows, or a body breaks off |
| over 100 | more than a hundred items, in pages of a hundred, where the answer has such pages |
| stale | the first answer is as before the last change, or before the event |
| twice | the same event arrives again during the call |

Notifications and metrics may arrive twice: a second request cannot be told from the first one. A command that found
nothing wrong in the services but could not read one of them counts as stopped, as it says what it has not checked.

Not tried here: events in another order than they happened, which `tests/operations/functions` tries by function.
"""


def render_page(found: Collection[Row]) -> str:
    """Return docs/faults.md."""
    shown = [*COLUMNS, PAGES_COLUMN]
    head = " | ".join(f"{each}{'*' * (each in QUICK_COLUMNS)}" for each in shown)
    parts = [_HEAD]
    for program in PROGRAMS:
        own = sorted((row for row in found if row.program == program.name), key=lambda row: str(row.call))
        parts += [f"\n## {program.name}\n\n| module | call | {head} |\n|{'---|' * (len(shown) + 2)}\n"] if own else []
        for row in own:
            cells = " | ".join(row.results[column] for column in shown)
            parts.append(f"| {row.call.module} | {row.service} {row.call.operation} | {cells} |\n".replace("  |", " |"))
    return "".join(parts)


def read_page(text: str) -> dict[tuple[str, str, str], dict[str, str]]:
    """Return the results on the page by program, module and call."""
    found, program, columns = {}, "", [""]
    for line in text.splitlines():
        cells = [cell.strip().rstrip("*") for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if line.startswith("## "):
            program = line.removeprefix("## ")
        elif cells[:1] == ["module"]:
            columns = cells[2:]
        elif program and len(cells) > 2 and cells[0].endswith(".py"):
            found[program, cells[0], cells[1]] = dict(zip(columns, cells[2:], strict=True))
    return found
