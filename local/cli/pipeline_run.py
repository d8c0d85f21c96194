# SPDX-License-Identifier: MIT-0
"""Starts an execution from the options of the command line: definition, parameters, archives, champion."""

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
from local.aws import pipeline_executions
from local.aws.pipeline_executions import DEFINITION_FILE
from local.aws.s3_store import LocalHome, S3Store
from local.cli import champion_selection, run_inputs
from local.console.command_frame import stop_on_signals
from local.console.step_progress import select_reporter
from local.engine import definition_validation, pipeline_definition, selective_execution
from local.engine.pipeline_definition import PipelineDefinition
from local.engine.pipeline_engine import ExecutionOutcome, ExecutionPlan, PipelineEngine
from local.engine.selective_execution import StartingPoint
from local.errors import UsageError
from local.json_files import Json, JsonObject
from local.runners.job_runner import REPOSITORY, JobRunner, digest_of_sources, images_in_arguments, software_of_image
from local.steps import tuning_step
from pipeline_src import contract, gate_thresholds
from pipeline_src.algorithms.algorithm_table import LOCAL_ALGORITHM, find_algorithm
from pipeline_src.definition.pipeline_deployment import OFFLINE_DEPLOYMENT, TuningSettings, offline_deployment


def current_commit(repository: Path) -> str | None:
    """Return the commit's id for SourceCommit, with ``-dirty`` where tracked files differ; None where git fails.

    Args:
        repository: The root of the repository. Repositories around it are not considered, so that a copy without
            history inside another repository has no commit.
    """
    command = ["git", f"--git-dir={repository / '.git'}", f"--work-tree={repository}"]
    command += ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    # Without locks git writes nothing: another git process may be running in the same repository.
    environment = os.environ | {"GIT_OPTIONAL_LOCKS": "0"}
    try:
        found = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return found.stdout.strip() or None if found.returncode == 0 else None


# `full` uses the definition's own values, which may be meant for a GPU; `laptop` those by which the algorithm trains in
# minutes on two cores.
TRAINING_SCALES: Final = ("laptop", "full")


def scale_values(request: "RunRequest") -> dict[str, Json]:
    """Return the parameter values of ``--scale``, by name."""
    return dict(find_algorithm(request.algorithm).laptop_values) if request.scale == "laptop" else {}


def profile_thresholds(profile: str) -> dict[str, Json]:
    """Return the gate's thresholds of `profile`, by parameter name."""
    values = asdict(gate_thresholds.THRESHOLD_PROFILES[profile])
    return {name: values[threshold] for threshold, name in gate_thresholds.THRESHOLD_PARAMETERS.items()}


_LOCK_FILE: Final = "requirements.txt"


def render_definition(
    home: LocalHome,
    tuning: TuningSettings | None = None,
    algorithm: str = LOCAL_ALGORITHM,
    *,
    warm_start: bool = False,
) -> Json:
    """Return the definition for the sample deployment of `algorithm`, with Train as a tuning if `tuning` is given.

    Rendering imports the SageMaker SDK, about eight seconds of processor time, and gives the same bytes for the same
    sources. So the result is cached under a digest of the sources and of the lock file, which has the SDK's version.
    """
    variant = (f"-{tuning.jobs}-{tuning.parallel}" if tuning else "") + ("-warm" if warm_start else "")
    digest = digest_of_sources(REPOSITORY, [*definition_sources(), _LOCK_FILE])
    cached = home.root / "definitions" / f"{digest}-{algorithm}{variant}.json"
    if not cached.is_file():
        from pipeline_src.definition import pipeline  # noqa: PLC0415  its import takes seconds

        deployment = dataclasses.replace(offline_deployment(algorithm), tuning=tuning, warm_start=warm_start)
        json_files.write_json(cached, json.loads(pipeline.definition_json(deployment)))
    return json_files.read_json(cached)


def definition_sources() -> list[str]:
    """Return the files from which the definition is rendered: those of pipeline_src but for the folders of jobs."""
    root = REPOSITORY / "pipeline_src"
    files = [*root.glob("*.py"), *root.glob("definition/*.py"), *root.glob("definition/*.json")]
    files += root.glob("algorithms/**/*.py")
    return sorted(path.relative_to(REPOSITORY).as_posix() for path in files)


TEST_SET_PARAMETERS: Final = (contract.INPUT_ARCHIVE_PARAMETER, "TestFraction")  # the split key is fixed


@dataclass(frozen=True)
class RunRequest:
    """The options of the command.

    Attributes:
        archive: The archive, None where InputArchive names a stored one.
        parameters: The typed parameters, as strings by name.
        profile: Profile of the gate's thresholds.
        scale: Key of `TRAINING_SCALES`.
        until: Last step, None for all.
        use_cache: Whether earlier results may be reused.
        quiet: Whether to show only the summary.
        definition: File with a definition to use instead of the project's own.
        image: Image of a container runner, empty for the process runner.
        champion: The run to compare with, `AUTO_CHAMPION` or `NO_CHAMPION`.
        tuning: Settings of the hyperparameter search; None trains once.
        addition: An additional archive, None for none or where AdditionalArchive names a stored one.
        algorithm: Name of the algorithm that Train runs.
        start: Step to run from and the run that has the results before it, None for the beginning.
        warm_start: The run whose model Train starts from, or `AUTO_CHAMPION`; empty: pretrained weights.
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
    algorithm: str = LOCAL_ALGORITHM
    start: StartingPoint | None = None
    warm_start: str = ""

    @property
    def intake(self) -> run_inputs.RunInputs:
        """The archives."""
        return run_inputs.inputs_from_options(self.archive, self.addition)


def continue_run(request: RunRequest, start: StartingPoint) -> RunRequest:
    """Return `request` with the definition, the algorithm and the settings of the run that it continues.

    The definition is made anew, so that a change since then counts; another one may be given.
    """
    notes = start.source.data["Local"]
    tuning = notes.get("Tuning") or None
    return dataclasses.replace(
        request,
        start=start,
        profile=notes.get("Profile", request.profile),
        scale=notes.get("Scale", request.scale),
        algorithm=notes.get("Algorithm", request.algorithm),
        warm_start=notes.get("WarmStart", ""),
        tuning=TuningSettings(jobs=tuning[0], parallel=tuning[1]) if tuning and not request.definition else None,
        definition=request.definition or (Path(notes["Definition"]) if notes.get("Definition") else None),
    )


def launch_run(request: RunRequest, home: LocalHome, runner: JobRunner, console: Console) -> ExecutionOutcome:
    """Run the pipeline as requested.

    Raises:
        UsageError: An option or an input is wrong; nothing was started.
    """
    if request.definition is None:  # Before the definition is rendered, which takes seconds.
        request.intake.check(request.parameters, needs_base=request.start is None)
    if request.warm_start:
        champion_selection.refuse_warm_start(find_algorithm(request.algorithm))
    runner.check()
    source = _definition_document(request, home)
    definition = definition_validation.parse_definition(source)
    if request.definition is not None:
        names = {declaration["Name"] for declaration in definition.parameters}
        needs_base = request.start is None and contract.INPUT_ARCHIVE_PARAMETER in names
        request.intake.check(request.parameters, needs_base=needs_base)
    definition.selection(request.until)
    _refuse_tuned_parameters(request, definition)
    values = _parameter_values(request, definition, home, console)
    notes = _request_notes(request) | {"Changed": _changed_parameters(definition.parameters, values)}
    plan = ExecutionPlan(
        definition,
        values,
        OFFLINE_DEPLOYMENT.pipeline_name,
        request.until,
        request.use_cache,
        request.start,
        notes,
    )
    engine = PipelineEngine(plan, home, runner, select_reporter(console, quiet=request.quiet))
    json_files.write_json(engine.state.record.path.with_name(DEFINITION_FILE), source)
    if not request.quiet:
        _print_settings(plan, request, runner, console)
    with stop_on_signals(engine.stop):
        return engine.run()


def _refuse_tuned_parameters(request: RunRequest, definition: PipelineDefinition) -> None:
    """Reject values for hyperparameters that a tuning draws."""
    steps = [step for step in definition.steps.values() if step.kind == "Tuning"]
    drawn = {
        name.replace("_", "")
        for step in steps
        for name in tuning_step.tuned_hyperparameter_names(step.arguments["HyperParameterTuningJobConfig"])
    }
    for name in request.parameters:
        if name.lower() in drawn:
            raise UsageError(f"--parameter {name}: the tuning draws its values. Omit it, or omit --tune.")


def _parameter_values(
    request: RunRequest, definition: PipelineDefinition, home: LocalHome, console: Console
) -> dict[str, Json]:
    """Return the values of all parameters, after storing the archives that they name."""
    declared = {str(declaration["Name"]) for declaration in definition.parameters}
    if request.start is not None:
        known = selective_execution.source_parameter_values(request.start.source, declared)
        return pipeline_definition.resolve_parameters(definition.parameters, known | dict(request.parameters))
    chosen = champion_selection.select_champion(request.champion, request.profile, request.parameters, declared, home)
    known = champion_selection.champion_parameter_values(chosen, declared)
    if request.warm_start:
        known |= _starting_values(request, declared, home, console)
    if contract.SOURCE_COMMIT_PARAMETER in declared and (commit := current_commit(REPOSITORY)):
        known[contract.SOURCE_COMMIT_PARAMETER] = commit
    values = pipeline_definition.resolve_parameters(definition.parameters, known | _given_parameters(request, declared))
    store = S3Store(home.s3)
    run_inputs.ensure_parameter_objects(values, definition.parameters, store)
    values |= request.intake.values(values, store, console, quiet=request.quiet)
    if contract.EARLIER_EVALUATIONS_PARAMETER in declared - request.parameters.keys():
        values[contract.EARLIER_EVALUATIONS_PARAMETER] = str(count_earlier_evaluations(values, home))
    return values


def _starting_values(request: RunRequest, declared: set[str], home: LocalHome, console: Console) -> dict[str, Json]:
    """Return the values of the parameters of ``--warm-start``, and say what Train starts from."""
    name = contract.STARTING_MODEL_PARAMETER
    if name not in declared:
        raise UsageError(f"--warm-start: this definition has no parameter {name!r}. Leave the option out.")
    algorithm = find_algorithm(request.algorithm)
    values, start = champion_selection.select_starting_model(
        request.warm_start, request.profile, algorithm, request.parameters, home
    )
    if not request.quiet:
        console.print(f"starts from: {start}", style="dim", soft_wrap=True, markup=False)
    return values


def count_earlier_evaluations(values: Mapping[str, Json], home: LocalHome) -> int:
    """Return how many executions have evaluated a model on the test set that these parameter `values` determine."""
    evaluated = 0
    for record in pipeline_executions.load_executions(home.runs):
        step = record.step(contract.EVALUATE_STEP)
        known = {each["Name"]: each["Value"] for each in record.data["PipelineParameters"]}
        same = all(known.get(name) == values.get(name) for name in TEST_SET_PARAMETERS)
        evaluated += same and step is not None and step["StepStatus"] == "Succeeded"
    return evaluated


def _definition_document(request: RunRequest, home: LocalHome) -> Json:
    """Return the definition in the requested file, else the project's own."""
    path = request.definition
    if path is None:
        return render_definition(home, request.tuning, request.algorithm, warm_start=bool(request.warm_start))
    try:
        return json_files.read_json(path)
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"--definition {path}: {error}. Give a JSON file with a pipeline definition.") from error


def _given_parameters(request: RunRequest, declared: set[str]) -> dict[str, Json]:
    """Return the parameter values from the options; typed ones take precedence over profile and scale.

    A definition from a file may lack some parameters of profile and scale, and so does one with a tuning or a warm
    start. The project's own must have all of them.
    """
    preset = scale_values(request) | profile_thresholds(request.profile)
    if request.definition or request.tuning or request.warm_start:
        preset = {name: value for name, value in preset.items() if name in declared}
    return preset | dict(request.parameters)


def _request_notes(request: RunRequest) -> dict[str, Json]:
    """Return the options for the record, from which the summary repeats them."""
    return {
        "Profile": request.profile,
        "Scale": request.scale,
        "Algorithm": request.algorithm,
        "Image": request.image,
        "Archive": str(request.archive or ""),
        "Add": str(request.addition or ""),
        "Definition": str(request.definition or ""),
        "Tuning": [request.tuning.jobs, request.tuning.parallel] if request.tuning else [],
        "Champion": "" if request.champion == champion_selection.AUTO_CHAMPION else request.champion,
        "WarmStart": request.warm_start,
        "Typed": dict(request.parameters),
        "From": request.start.step if request.start else "",
        "Of": request.start.source.execution_id if request.start else "",
    }


def _changed_parameters(declarations: Iterable[JsonObject], values: Mapping[str, Json]) -> dict[str, Json]:
    """Return the values that differ from the defaults, except those that the summary shows elsewhere."""
    own = {str(declaration["Name"]): declaration.get("DefaultValue") for declaration in declarations}
    elsewhere = (
        contract.INPUT_ARCHIVE_PARAMETER,
        contract.SOURCE_COMMIT_PARAMETER,
        contract.EARLIER_EVALUATIONS_PARAMETER,
        *champion_selection.CHAMPION_PARAMETERS,
        contract.STARTING_MODEL_PARAMETER,  # the package is shown
        contract.STARTING_MANIFEST_PARAMETER,
    )
    return {name: value for name, value in values.items() if name not in elsewhere and value != own[name]}


def _print_settings(plan: ExecutionPlan, request: RunRequest, runner: JobRunner, console: Console) -> None:
    scaled = ", ".join(f"{name} {plan.parameters[name]}" for name in scale_values(request) if name in plan.parameters)
    console.print(f"scale {request.scale}: {scaled or 'defaults of the definition'}", style="dim", markup=False)
    console.print(f"profile {request.profile}: thresholds in docs/gate.md", style="dim", markup=False)
    package = plan.parameters.get(contract.CHAMPION_PACKAGE_PARAMETER)
    if package is not None:
        console.print(f"champion: {package}", style="dim", soft_wrap=True, markup=False)
    images = images_in_arguments([step.arguments for step in plan.definition.steps.values()])
    notices = dict.fromkeys((runner.notice, *(software_of_image(each).notice for each in sorted(images))))
    for notice in filter(None, notices):
        console.print(f"note: {notice}", style="yellow")
