# SPDX-License-Identifier: MIT-0
"""Starts an execution from what the command line says: definition, parameters, archive, champion."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from local import absence, champion, commit, document, intake, parameter, rendering, scale, search, validation
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
from pipeline_src.pipeline import OFFLINE, Tuning


@dataclass(frozen=True)
class Request:
    """What the user asked for.

    Attributes:
        archive: The archive, None where InputArchive names one in the store.
        addition: An additional archive, None for none or where AdditionalArchive names one in the store.
        parameters: What was typed: texts by parameter name.
        profile: Whose gate floors count.
        scale: How large a network on how large pictures.
        until: Last step, None for all.
        use_cache: Whether earlier results may be reused.
        quiet: Whether to show nothing but the summary.
        definition: A definition in a file instead of the project's own.
        image: In which a container runner runs the jobs, empty for another runner.
        champion: The run to compare with, `champion.AUTO` or `champion.NONE`.
        tuning: How Train looks for hyperparameters; None: it trains once.
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
    tuning: Tuning | None = None
    addition: Path | None = None

    @property
    def intake(self) -> intake.Intake:
        """The archives."""
        return intake.of(self.archive, self.addition)


def launch(request: Request, home: Home, runner: Runner, console: Console) -> Ending:
    """Run what `request` asks for.

    Raises:
        UsageError: It cannot be run; nothing was started.
    """
    request.intake.check(request.parameters)
    runner.check()
    source = _document(request, home)
    definition = validation.parse(source)
    definition.selection(request.until)
    _check_drawn(request, definition)
    values = _values(request, definition, home, console)
    notes = _notes(request) | {"Changed": _changed(definition.parameters, values)}
    plan = Plan(definition, values, OFFLINE.pipeline_name, request.until, request.use_cache, notes)
    engine = Engine(plan, home, runner, reporter(console, quiet=request.quiet))
    document.write(engine.world.record.path.with_name(DEFINITION), source)
    if not request.quiet:
        _say_settings(plan, request, runner, console)
    with stopping(engine.stop):
        return engine.run()


def _check_drawn(request: Request, definition: Definition) -> None:
    """Refuse a value for what a tuning draws."""
    steps = [step for step in definition.steps.values() if step.kind == "Tuning"]
    drawn = {
        name.replace("_", "")
        for step in steps
        for name in search.names(step.arguments["HyperParameterTuningJobConfig"])
    }
    for name in request.parameters:
        if name.lower() in drawn:
            raise UsageError(f"--parameter {name}: a tuning draws it. Leave it out, or leave --tune out.")


def _values(request: Request, definition: Definition, home: Home, console: Console) -> dict[str, Json]:
    """Return the parameters' values, with the archives and the champion that they name in the store."""
    declared = {str(declaration["Name"]) for declaration in definition.parameters}
    chosen = champion.choose(request.champion, request.profile, request.parameters, declared, home)
    known = champion.values(chosen, declared) | _commit(declared)
    values = parameter.resolve(definition.parameters, known | _given(request, declared))
    store = Store(home.s3)
    absence.check(values, definition.parameters, store)
    return values | request.intake.values(values, store, console, quiet=request.quiet)


def _commit(declared: set[str]) -> dict[str, Json]:
    found = commit.of(REPOSITORY) if contract.SOURCE_COMMIT in declared else None
    return {contract.SOURCE_COMMIT: found} if found else {}


def _document(request: Request, home: Home) -> Json:
    """Return the definition in the file that is asked for, else the project's own."""
    path = request.definition
    if path is None:
        return rendering.definition(home, request.tuning)
    try:
        return document.read(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"--definition {path}: {error}. Give a file that holds a definition's JSON.") from error


def _given(request: Request, declared: set[str]) -> dict[str, Json]:
    """Return parameter values: what was typed goes before profile and scale.

    A definition from a file need not have the project's parameters, and a tuning chooses some of them itself; the
    project's own must have all that scale and profile set.
    """
    preset = dict(scale.SCALES[request.scale]) | scale.floors(request.profile)
    if request.definition or request.tuning:
        preset = {name: value for name, value in preset.items() if name in declared}
    return preset | dict(request.parameters)


def _notes(request: Request) -> dict[str, Json]:
    """Return what was typed, for the summary to repeat."""
    return {
        "Profile": request.profile,
        "Scale": request.scale,
        "Image": request.image,
        "Archive": str(request.archive or ""),
        "Add": str(request.addition or ""),
        "Definition": str(request.definition or ""),
        "Tuning": [request.tuning.jobs, request.tuning.parallel] if request.tuning else [],
        "Champion": "" if request.champion == champion.AUTO else request.champion,
        "Typed": dict(request.parameters),
    }


def _changed(declarations: Iterable[Object], values: Mapping[str, Json]) -> dict[str, Json]:
    """Return the values that are not the definition's own, but for those that the summary tells in another place."""
    own = {str(declaration["Name"]): declaration.get("DefaultValue") for declaration in declarations}
    elsewhere = (contract.INPUT_ARCHIVE, contract.SOURCE_COMMIT, *champion.PARAMETERS)
    return {name: value for name, value in values.items() if name not in elsewhere and value != own[name]}


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
