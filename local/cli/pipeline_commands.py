# SPDX-License-Identifier: MIT-0
"""The command line of the local runner: ``python -m local``."""

import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

import click
from click.core import ParameterSource

from local.aws import pipeline_executions
from local.aws.model_registry import APPROVED, REJECTED, ModelRegistry
from local.aws.s3_store import LocalHome
from local.cli import endpoint_commands, evidence_bundle, run_tracking
from local.cli.champion_selection import AUTO_CHAMPION
from local.cli.pipeline_run import TRAINING_SCALES, RunRequest, continue_run, current_commit, launch_run
from local.command_hints import HOME_OPTION, PROGRAM, program_command, short_path
from local.console import run_summary
from local.console.command_frame import CommandGroup, complete_run, error_console, output_console, run_argument
from local.endpoint import model_serving, run_selection
from local.engine import pipeline_definition
from local.engine.selective_execution import StartingPoint
from local.errors import UsageError
from local.runners.container_runner import DEFAULT_IMAGE, ContainerRunner
from local.runners.job_runner import REPOSITORY, JobRunner
from local.runners.process_runner import ProcessRunner
from local.synthetic import demo_archive
from pipeline_src import gate_thresholds
from pipeline_src.algorithms.algorithm_table import ALGORITHMS, LOCAL_ALGORITHM
from pipeline_src.definition.pipeline_deployment import TuningSettings

MAXIMUM_TUNING_JOBS: Final = 50  # as in stacks/settings/deployment_settings.py
DEFAULT_PARALLEL_JOBS: Final = 2
_Command = TypeVar("_Command", bound=Callable[..., Any])
_Option: TypeAlias = Any  # the value of a click option; `_launch_and_exit` has their types


def add_run_options(command: _Command) -> _Command:
    """Add the options shared by `run` and `demo`."""
    for option in (
        click.option("--quiet", "-q", is_flag=True, help="Show only the summary."),
        click.option("--no-cache", is_flag=True, help="Do not reuse earlier results."),
        click.option("--until", metavar="STEP", help="Stop after this step."),
        click.option("--image", default=DEFAULT_IMAGE, show_default=True, help="For podman or docker."),
        click.option(
            "--runner", type=click.Choice(["process", "podman", "docker"]), default="process", show_default=True
        ),
        click.option(
            "--algorithm",
            type=click.Choice(list(ALGORITHMS)),
            default=LOCAL_ALGORITHM,
            show_default=True,
            help="What Train runs.",
        ),
        click.option("--scale", type=click.Choice(TRAINING_SCALES), default="laptop", show_default=True),
        click.option(
            "--champion",
            metavar="auto|none|ID",
            default=AUTO_CHAMPION,
            show_default=True,
            help="Compare with the most recently approved model, with none, or with that of a run.",
        ),
        click.option(
            "--warm-start",
            is_flag=False,
            flag_value=AUTO_CHAMPION,
            default="",
            metavar="[ID]",
            help="Train from the weights of the most recently approved model, or of that of a run.",
        ),
        click.option(
            "--add",
            "addition",
            metavar="FILE.zip",
            type=click.Path(path_type=Path),
            help="An additional archive, made by `export`.",
        ),
        click.option(
            "--parallel", type=int, metavar="P", help=f"Parallel jobs of --tune.  [default: {DEFAULT_PARALLEL_JOBS}]"
        ),
        click.option(
            "--tune",
            type=click.IntRange(2, MAXIMUM_TUNING_JOBS),
            metavar="N",
            help="Train N times with random hyperparameters.",
        ),
        click.option("--parameter", "-p", "parameters", multiple=True, metavar="NAME=VALUE", help="May be repeated."),
    ):
        command = option(command)
    return command


def parse_tuning_options(jobs: int | None, parallel: int | None, definition: Path | None) -> TuningSettings | None:
    """Return the settings of ``--tune`` and ``--parallel``, None for a single training.

    Raises:
        UsageError: They contradict each other or ``--definition``.
    """
    if jobs is None:
        if parallel is not None:
            raise UsageError(f"--parallel {parallel}: there is only one training. Give --tune N with it.")
        return None
    if definition is not None:
        raise UsageError(f"--tune {jobs}: --definition already defines Train. Give one of them.")
    at_once = min(DEFAULT_PARALLEL_JOBS, jobs) if parallel is None else parallel
    if not 1 <= at_once <= jobs:
        raise UsageError(f"--parallel {at_once}: there are {jobs} jobs. Give 1 to {jobs}.")
    return TuningSettings(jobs=jobs, parallel=at_once)


def _print_version(context: click.Context, _option: click.Parameter, wanted: bool) -> None:  # noqa: FBT001  click's call
    """Print version and commit, and end the program."""
    if wanted:
        version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
        commit = current_commit(REPOSITORY)
        click.echo(f"{PROGRAM} {version}{f', commit {commit}' if commit else ''}")
        context.exit()


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    f"--{HOME_OPTION}",
    type=click.Path(file_okay=False, path_type=Path),
    default=REPOSITORY / ".local",
    envvar="LOCAL_HOME",
    show_default=".local in the project's folder",
    help="Folder of runs, buckets and model packages.",
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version)
@click.pass_context
def main(context: click.Context, home: Path) -> None:
    """Run the SageMaker pipeline definition on this machine."""
    context.obj = LocalHome(home.absolute())


@main.command()
@click.option("--archive", type=click.Path(path_type=Path), help="HAM10000's dataverse_files.zip.")
@click.option(
    "--profile", type=click.Choice(list(gate_thresholds.THRESHOLD_PROFILES)), default="default", show_default=True
)
@click.option("--definition", type=click.Path(path_type=Path), help="A definition's JSON instead of the project's own.")
@click.option("--from", "first", metavar="STEP", help="Run this step and those after it; take the others from --of.")
@click.option(
    "--of",
    "source",
    metavar="ID",
    shell_complete=complete_run,
    help="The run that has the others: its beginning, or `latest`.",
)
@add_run_options
@click.pass_obj
def run(
    home: LocalHome,
    /,
    archive: Path | None,
    profile: str,
    definition: Path | None,
    parameters: tuple[str, ...],
    **options: _Option,
) -> None:
    """Run the pipeline on an archive.

    Exit code 0: done; 1: failed or rejected; 2: bad input.
    """
    start = _starting_point(home, options.pop("first"), options.pop("source"))
    _launch_and_exit(home, archive, profile, definition, parameters, start=start, **options)


# What the run of --of has settled.
_SETTLED_OPTIONS: Final = (
    *("archive", "addition", "profile", "scale", "algorithm", "champion", "warm_start", "tune", "parallel"),
)


def _starting_point(home: LocalHome, first: str | None, source: str | None) -> StartingPoint | None:
    """Return the values of ``--from`` and ``--of``, None where they are not given.

    Raises:
        UsageError: One of them is missing, or an option contradicts the run.
    """
    if first is None or source is None:
        if first is not None or source is not None:
            raise UsageError("--from STEP and --of ID: one of them is missing. Give both.")
        return None
    context = click.get_current_context()
    for option in context.command.params:
        typed = context.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE
        if typed and option.name in _SETTLED_OPTIONS:
            raise UsageError(f"{option.opts[0]} and --of {source}: the run has settled it. Omit {option.opts[0]}.")
    return StartingPoint(first, pipeline_executions.find_execution(home.runs, source))


@main.command()
@add_run_options
@click.pass_obj
def demo(home: LocalHome, /, parameters: tuple[str, ...], quiet: bool, **options: _Option) -> None:  # noqa: FBT001  click's flags
    """Run the pipeline on a synthetic archive, with the demo profile."""
    archive = demo_archive.ensure_demo_archive(home, error_console(), quiet=quiet)
    _launch_and_exit(home, archive, "demo", None, parameters, quiet=quiet, **options)


def _launch_and_exit(  # noqa: PLR0913  one parameter for each option
    home: LocalHome,
    archive: Path | None,
    profile: str,
    definition: Path | None,
    parameters: tuple[str, ...],
    *,
    scale: str,
    runner: str,
    image: str,
    until: str | None,
    no_cache: bool,
    quiet: bool,
    champion: str,
    tune: int | None,
    parallel: int | None,
    addition: Path | None,
    algorithm: str,
    warm_start: str,
    start: StartingPoint | None = None,
) -> None:
    given = pipeline_definition.parse_parameter_assignments(parameters)
    image = "" if runner == "process" else image
    tuning = parse_tuning_options(tune, parallel, definition)
    request = RunRequest(
        archive,
        given,
        profile,
        scale,
        until,
        not no_cache,
        quiet,
        definition,
        image,
        champion,
        tuning,
        addition,
        algorithm,
        warm_start=warm_start,
    )
    if start is not None:
        request = continue_run(request, start)
    chosen: JobRunner = ContainerRunner(runner, image) if image else ProcessRunner()
    outcome = launch_run(request, home, chosen, error_console())
    run_tracking.update_history(home)
    run_summary.print_run_summary(outcome.record, home, output_console())
    sys.exit(outcome.exit_code)


@main.command()
@run_argument()
@click.option(
    "--evidence",
    metavar="OUT.zip",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the evidence for a review: model card, report, gate, figures, definition, decision.",
)
@click.pass_obj
def show(home: LocalHome, name: str, evidence: Path | None) -> None:
    """Print a run's summary again. ID: its beginning, or `latest`."""
    record, shown = pipeline_executions.find_execution(home.runs, name), output_console()
    run_summary.print_run_summary(record, home, shown)
    if evidence:
        names = evidence_bundle.write_evidence_bundle(record, home, evidence)
        shown.print(f"\nEvidence {short_path(evidence)}: {len(names)} files", soft_wrap=True)


def _decision_options(command: _Command) -> Callable[..., None]:
    """Add the argument and the option shared by `approve` and `reject`."""
    described = click.option("--description", default="from the command line", help="Reason, stored in the package.")
    return run_argument(required=True)(described(click.pass_obj(command)))


@main.command()
@_decision_options
def approve(home: LocalHome, name: str, description: str) -> None:
    """Approve the model package of a run; `reject` revokes it."""
    _set_approval(home, name, APPROVED, description)


@main.command()
@_decision_options
def reject(home: LocalHome, name: str, description: str) -> None:
    """Reject the model package of a run; `approve` revokes it."""
    _set_approval(home, name, REJECTED, description)


def _set_approval(home: LocalHome, name: str, status: str, description: str) -> None:
    record = pipeline_executions.find_execution(home.runs, name)
    package = ModelRegistry(home.registry).decide(model_serving.require_registered_package(record), status, description)
    run_tracking.update_history(home)
    verb = "serve" if status == APPROVED else "approve"
    shown = output_console()
    shown.print(f"{package['ModelPackageArn']} is {status}.", soft_wrap=True)
    shown.print(f"Next: {program_command()} {verb} {record.execution_id}", soft_wrap=True)


@main.command()
@run_argument()
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True)
@click.option("--capture", "captures", is_flag=True, help="Capture requests and answers, for `monitor`.")
@click.option(
    "--capture-required",
    "required",
    is_flag=True,
    help="With --capture: refuse a request that cannot be captured (503) instead of answering it (X-Captured: no).",
)
@click.pass_obj
def serve(home: LocalHome, /, *, name: str, port: int, captures: bool, required: bool) -> None:
    """Serve a run's approved model on the loopback until Ctrl-C."""
    record = run_selection.select_run(
        name, home, output_console(), run_selection.APPROVED_RUN, run_selection.REGISTERED_RUN
    )
    model_serving.serve_approved_model(
        record, home, ProcessRunner(), port, output_console(), captures=captures, requires_capture=required
    )


for command in (demo_archive.sample, *run_tracking.RUN_COMMANDS, *endpoint_commands.ENDPOINT_COMMANDS):
    main.add_command(command)
