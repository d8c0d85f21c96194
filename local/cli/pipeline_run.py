# SPDX-License-Identifier: MIT-0
"""Which commit of this repository runs here: what the pipeline on AWS is told as SourceCommit.

Parameter values by which a run suits the machine (`--scale`) and the purpose (`--profile`).

``full`` takes the definition's own values, meant for a GPU. ``laptop`` trains a small network on small pictures:
minutes on two cores.

The project's own definition, rendered as the stacks render it.

Rendering imports the SageMaker SDK, some eight seconds of processor time, and gives the same bytes for the same
sources; so the result is kept under a digest of the sources and of the lock file that names the SDK's version.

Starts an execution from what the command line says: definition, parameters, archive, champion.
"""

import dataclasses
import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from local import json_files
from local.aws.pipeline_executions import DEFINITION_FILE
from local.aws.s3_store import LocalHome, S3Store
from local.cli import champion_selection, run_inputs
from local.console.command_frame import stop_on_signals
from local.console.step_progress import select_reporter
from local.engine import definition_validation, pipeline_definition
from local.engine.pipeline_definition import PipelineDefinition
from local.engine.pipeline_engine import ExecutionOutcome, ExecutionPlan, PipelineEngine
from local.errors import UsageError
from local.json_files import Json, JsonObject
from local.runners.job_runner import REPOSITORY, JobRunner, digest_of_sources
from local.steps import tuning_step
from pipeline_src import contract, gate_thresholds
from pipeline_src.definition.pipeline_deployment import OFFLINE_DEPLOYMENT, TuningSettings


def current_commit(repository: Path) -> str | None:
    """Return the commit's id, with ``-dirty`` where tracked files differ from it; None where git cannot say.

    Args:
        repository: its root; a repository around it, in which a copy without history may lie, is not asked.
    """
    command = ["git", f"--git-dir={repository / '.git'}", f"--work-tree={repository}"]
    command += ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    # Looking must not write: another git may be at work in the same place.
    environment = os.environ | {"GIT_OPTIONAL_LOCKS": "0"}
    try:
        found = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return found.stdout.strip() or None if found.returncode == 0 else None


TRAINING_SCALES: Final[Mapping[str, Mapping[str, Json]]] = {
    "laptop": {
        "ImageSize": 28,
        "NumLayers": 20,
        "Epochs": 15,
        "LearningRate": 0.05,
        "LearningRateSteps": "10,13",
        "MiniBatchSize": 32,
    },
    "full": {},
}


def profile_thresholds(profile: str) -> dict[str, Json]:
    """Return the gate's floors of `profile`, by parameter name."""
    values = asdict(gate_thresholds.THRESHOLD_PROFILES[profile])
    return {name: values[floor] for floor, name in gate_thresholds.THRESHOLD_PARAMETERS.items()}


_LOCK_FILE: Final = "requirements.txt"


def render_definition(home: LocalHome, tuning: TuningSettings | None = None) -> Json:
    """Return the definition for the sample deployment, as JSON, with Train as `tuning` if given."""
    sources = sorted(path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "pipeline_src").glob("*.py"))
    tuned = f"-{tuning.jobs}-{tuning.parallel}" if tuning else ""
    kept = home.root / "definitions" / f"{digest_of_sources(REPOSITORY, [*sources, _LOCK_FILE])}{tuned}.json"
    if not kept.is_file():
        from pipeline_src.definition import pipeline  # noqa: PLC0415  its import takes seconds

        json_files.write_json(
            kept, json.loads(pipeline.definition_json(dataclasses.replace(OFFLINE_DEPLOYMENT, tuning=tuning)))
        )
    return json_files.read_json(kept)


@dataclass(frozen=True)
class RunRequest:
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
    champion: str = champion_selection.AUTO_CHAMPION
    tuning: TuningSettings | None = None
    addition: Path | None = None

    @property
    def intake(self) -> run_inputs.RunInputs:
        """The archives."""
        return run_inputs.inputs_from_options(self.archive, self.addition)


def launch_run(request: RunRequest, home: LocalHome, runner: JobRunner, console: Console) -> ExecutionOutcome:
    """Run what `request` asks for.

    Raises:
        UsageError: It cannot be run; nothing was started.
    """
    request.intake.check(request.parameters)
    runner.check()
    source = _definition_document(request, home)
    definition = definition_validation.parse_definition(source)
    definition.selection(request.until)
    _refuse_tuned_parameters(request, definition)
    values = _parameter_values(request, definition, home, console)
    notes = _request_notes(request) | {"Changed": _changed_parameters(definition.parameters, values)}
    plan = ExecutionPlan(definition, values, OFFLINE_DEPLOYMENT.pipeline_name, request.until, request.use_cache, notes)
    engine = PipelineEngine(plan, home, runner, select_reporter(console, quiet=request.quiet))
    json_files.write_json(engine.world.record.path.with_name(DEFINITION_FILE), source)
    if not request.quiet:
        _print_settings(plan, request, runner, console)
    with stop_on_signals(engine.stop):
        return engine.run()


def _refuse_tuned_parameters(request: RunRequest, definition: PipelineDefinition) -> None:
    """Refuse a value for what a tuning draws."""
    steps = [step for step in definition.steps.values() if step.kind == "Tuning"]
    drawn = {
        name.replace("_", "")
        for step in steps
        for name in tuning_step.tuned_hyperparameter_names(step.arguments["HyperParameterTuningJobConfig"])
    }
    for name in request.parameters:
        if name.lower() in drawn:
            raise UsageError(f"--parameter {name}: a tuning draws it. Leave it out, or leave --tune out.")


def _parameter_values(
    request: RunRequest, definition: PipelineDefinition, home: LocalHome, console: Console
) -> dict[str, Json]:
    """Return the parameters' values, with the archives and the champion that they name in the store."""
    declared = {str(declaration["Name"]) for declaration in definition.parameters}
    chosen = champion_selection.select_champion(request.champion, request.profile, request.parameters, declared, home)
    known = champion_selection.champion_parameter_values(chosen, declared) | _commit_parameter(declared)
    values = pipeline_definition.resolve_parameters(definition.parameters, known | _given_parameters(request, declared))
    store = S3Store(home.s3)
    run_inputs.ensure_parameter_objects(values, definition.parameters, store)
    return values | request.intake.values(values, store, console, quiet=request.quiet)


def _commit_parameter(declared: set[str]) -> dict[str, Json]:
    found = current_commit(REPOSITORY) if contract.SOURCE_COMMIT_PARAMETER in declared else None
    return {contract.SOURCE_COMMIT_PARAMETER: found} if found else {}


def _definition_document(request: RunRequest, home: LocalHome) -> Json:
    """Return the definition in the file that is asked for, else the project's own."""
    path = request.definition
    if path is None:
        return render_definition(home, request.tuning)
    try:
        return json_files.read_json(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"--definition {path}: {error}. Give a file that holds a definition's JSON.") from error


def _given_parameters(request: RunRequest, declared: set[str]) -> dict[str, Json]:
    """Return parameter values: what was typed goes before profile and scale.

    A definition from a file need not have the project's parameters, and a tuning chooses some of them itself; the
    project's own must have all that scale and profile set.
    """
    preset = dict(TRAINING_SCALES[request.scale]) | profile_thresholds(request.profile)
    if request.definition or request.tuning:
        preset = {name: value for name, value in preset.items() if name in declared}
    return preset | dict(request.parameters)


def _request_notes(request: RunRequest) -> dict[str, Json]:
    """Return what was typed, for the summary to repeat."""
    return {
        "Profile": request.profile,
        "Scale": request.scale,
        "Image": request.image,
        "Archive": str(request.archive or ""),
        "Add": str(request.addition or ""),
        "Definition": str(request.definition or ""),
        "Tuning": [request.tuning.jobs, request.tuning.parallel] if request.tuning else [],
        "Champion": "" if request.champion == champion_selection.AUTO_CHAMPION else request.champion,
        "Typed": dict(request.parameters),
    }


def _changed_parameters(declarations: Iterable[JsonObject], values: Mapping[str, Json]) -> dict[str, Json]:
    """Return the values that are not the definition's own, but for those that the summary tells in another place."""
    own = {str(declaration["Name"]): declaration.get("DefaultValue") for declaration in declarations}
    elsewhere = (
        contract.INPUT_ARCHIVE_PARAMETER,
        contract.SOURCE_COMMIT_PARAMETER,
        *champion_selection.CHAMPION_PARAMETERS,
    )
    return {name: value for name, value in values.items() if name not in elsewhere and value != own[name]}


def _print_settings(plan: ExecutionPlan, request: RunRequest, runner: JobRunner, console: Console) -> None:
    presets = {
        "scale": (request.scale, TRAINING_SCALES[request.scale]),
        "profile": (request.profile, profile_thresholds("demo")),
    }
    for what, (chosen, names) in presets.items():
        values = ", ".join(f"{name} {plan.parameters[name]}" for name in names if name in plan.parameters)
        console.print(f"{what} {chosen}: {values or 'the definition as it is'}", style="dim")
    package = plan.parameters.get(contract.CHAMPION_PACKAGE_PARAMETER)
    if package is not None:
        console.print(f"champion: {package}", style="dim", soft_wrap=True)
    if runner.notice:
        console.print(f"note: {runner.notice}", style="yellow")
