# SPDX-License-Identifier: MIT-0
"""Starts an execution from what the command line says: definition, parameters, archive, champion."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from local import archive, champion, commit, document, parameter, rendering, scale, validation
from local.definition import Definition
from local.document import Json, Object
from local.engine import Ending, Engine, Plan
from local.error import UsageError
from local.execution import DEFINITION
from local.home import Home
from local.interrupt import stopping
from local.jobs import REPOSITORY, Runner
from local.progress import reporter
from local.store import Store
from pipeline_src import contract
from pipeline_src.pipeline import OFFLINE

_ARCHIVE: Final = contract.INPUT_ARCHIVE


@dataclass(frozen=True)
class Request:
    """What the user asked for.

    Attributes:
        archive: The archive, None where InputArchive names one in the store.
        parameters: What was typed: texts by parameter name.
        profile: Whose gate floors count.
        scale: How large a network on how large pictures.
        until: Last step, None for all.
        use_cache: Whether earlier results may be reused.
        quiet: Whether to show nothing but the summary.
        definition: A definition in a file instead of the project's own.
        image: In which a container runner runs the jobs, empty for another runner.
        champion: The run to compare with, `champion.AUTO` or `champion.NONE`.
    """

    archive: Path | None
    parameters: Mapping[str, str]
    profile: str
    scale: str
    until: str | None = None
    use_cache: bool = True
    quiet: bool = False
    definition: Path | None = None
    image: str = ""
    champion: str = champion.AUTO


def launch(request: Request, home: Home, runner: Runner, console: Console) -> Ending:
    """Run what `request` asks for.

    Raises:
        UsageError: It cannot be run; nothing was started.
    """
    _check_archive(request)
    runner.check()
    source = _document(request.definition, home)
    definition = validation.parse(source)
    definition.selection(request.until)
    values = _values(request, definition, home, console)
    notes = _notes(request) | {"Changed": _changed(definition.parameters, values)}
    plan = Plan(definition, values, OFFLINE.pipeline_name, request.until, request.use_cache, notes)
    engine = Engine(plan, home, runner, reporter(console, quiet=request.quiet))
    document.write(engine.world.record.path.with_name(DEFINITION), source)
    if not request.quiet:
        _say_settings(plan, request, runner, console)
    with stopping(engine.stop):
        return engine.run()


def _check_archive(request: Request) -> None:
    if request.archive is None:
        if _ARCHIVE not in request.parameters:
            raise UsageError(
                "no archive. Give --archive PATH (HAM10000's dataverse_files.zip), or make one: python -m local sample."
            )
    elif _ARCHIVE in request.parameters:
        raise UsageError(f"--archive and --parameter {_ARCHIVE}: both name the archive. Give one of them.")
    else:
        archive.check(request.archive)


def _values(request: Request, definition: Definition, home: Home, console: Console) -> dict[str, Json]:
    """Return the parameters' values, with the archive and the champion that they name in the store."""
    declared = {str(declaration["Name"]) for declaration in definition.parameters}
    chosen = champion.choose(request.champion, request.profile, request.parameters, declared, home)
    known = champion.values(chosen, declared) | _commit(declared)
    values = parameter.resolve(definition.parameters, known | _given(request, declared))
    store = Store(home.s3)
    champion.check(values, definition.parameters, store)
    if request.archive:
        if _ARCHIVE not in values:
            raise UsageError(f"--archive: this definition has no parameter {_ARCHIVE!r}. Leave the option out.")
        values[_ARCHIVE] = _stored(request.archive, store, console, quiet=request.quiet)
    elif _ARCHIVE in values:
        _check_stored(str(values[_ARCHIVE]), store)
    return values


def _commit(declared: set[str]) -> dict[str, Json]:
    found = commit.of(REPOSITORY) if contract.SOURCE_COMMIT in declared else None
    return {contract.SOURCE_COMMIT: found} if found else {}


def _check_stored(uri: str, store: Store) -> None:
    if not store.size(uri)[0]:
        raise UsageError(f"parameter {_ARCHIVE!r}: {uri}: no object there ({store.path(uri)}). Give --archive PATH.")


def _document(path: Path | None, home: Home) -> Json:
    """Return the definition in the file `path`, else the project's own."""
    if path is None:
        return rendering.definition(home)
    try:
        return document.read(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"--definition {path}: {error}. Give a file that holds a definition's JSON.") from error


def _given(request: Request, declared: set[str]) -> dict[str, Json]:
    """Return parameter values: what was typed goes before profile and scale.

    A definition from a file need not have the project's parameters; its own must have all that scale and profile set.
    """
    preset = dict(scale.SCALES[request.scale]) | scale.floors(request.profile)
    if request.definition:
        preset = {name: value for name, value in preset.items() if name in declared}
    return preset | dict(request.parameters)


def _notes(request: Request) -> dict[str, Json]:
    """Return what was typed, for the summary to repeat."""
    return {
        "Profile": request.profile,
        "Scale": request.scale,
        "Image": request.image,
        "Archive": str(request.archive or ""),
        "Definition": str(request.definition or ""),
        "Champion": "" if request.champion == champion.AUTO else request.champion,
        "Typed": dict(request.parameters),
    }


def _changed(declarations: Iterable[Object], values: Mapping[str, Json]) -> dict[str, Json]:
    """Return the values that are not the definition's own, but for those that the summary tells in another place."""
    own = {str(declaration["Name"]): declaration.get("DefaultValue") for declaration in declarations}
    elsewhere = (_ARCHIVE, contract.SOURCE_COMMIT, *champion.PARAMETERS)
    return {name: value for name, value in values.items() if name not in elsewhere and value != own[name]}


def _stored(path: Path, store: Store, console: Console, *, quiet: bool) -> str:
    shown = Progress(
        TextColumn("Hashing {task.description}"), BarColumn(), DownloadColumn(), console=console, transient=True
    )
    shown.disable = quiet or not console.is_terminal
    with shown:
        task = shown.add_task(path.name, total=path.stat().st_size)
        return archive.store(
            path, OFFLINE.raw_bucket, store, progress=lambda done, _: shown.update(task, completed=done)
        )


def _say_settings(plan: Plan, request: Request, runner: Runner, console: Console) -> None:
    presets = {
        "scale": (request.scale, scale.SCALES[request.scale]),
        "profile": (request.profile, scale.floors("demo")),
    }
    for what, (chosen, names) in presets.items():
        values = ", ".join(f"{name} {plan.parameters[name]}" for name in names if name in plan.parameters)
        console.print(f"{what} {chosen}: {values or 'the definition as it is'}", style="dim")
    package = plan.parameters.get(contract.CHAMPION_PACKAGE)
    if package is not None:
        console.print(f"champion: {package}", style="dim", soft_wrap=True)
    if runner.notice:
        console.print(f"note: {runner.notice}", style="yellow")
