# SPDX-License-Identifier: MIT-0
"""The command line of the local runner: ``python -m local``."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import click

from local import choice, demonstration, execution, history, listing, operating, parameter, serving, summary
from local import evidence as bundle
from local.advice import program, short
from local.container import ContainerRunner
from local.home import Home
from local.jobs import Runner
from local.launch import Request, launch
from local.option import running, tuned
from local.process import ProcessRunner
from local.registry import APPROVED, REJECTED, Registry
from local.terminal import Group, console, errors
from pipeline_src import gate

_Command = TypeVar("_Command", bound=Callable[..., Any])
_Option: TypeAlias = Any  # a click option's value; `_run` names their types


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    default=".local",
    envvar="LOCAL_HOME",
    show_default=True,
    help="Folder of runs, buckets and model packages.",
)
@click.pass_context
def main(context: click.Context, home: Path) -> None:
    """Run the SageMaker pipeline definition on this machine."""
    context.obj = Home(home.absolute())


@main.command()
@click.option("--archive", type=click.Path(path_type=Path), help="HAM10000's dataverse_files.zip.")
@click.option("--profile", type=click.Choice(list(gate.PROFILES)), default="default", show_default=True)
@click.option("--definition", type=click.Path(path_type=Path), help="A definition's JSON instead of the project's own.")
@running
@click.pass_obj
def run(
    home: Home,
    /,
    archive: Path | None,
    profile: str,
    definition: Path | None,
    parameters: tuple[str, ...],
    **options: _Option,
) -> None:
    """Run the pipeline on an archive: exit code 0 done, 1 failed or rejected, 2 bad input."""
    _run(home, archive, profile, definition, parameters, **options)


@main.command()
@running
@click.pass_obj
def demo(home: Home, /, parameters: tuple[str, ...], quiet: bool, **options: _Option) -> None:  # noqa: FBT001  click's flags
    """Run the pipeline on a synthetic archive, with the demo profile."""
    archive = demonstration.archive(home, errors(), quiet=quiet)
    _run(home, archive, "demo", None, parameters, quiet=quiet, **options)


def _run(  # noqa: PLR0913  one parameter for each option
    home: Home,
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
) -> None:
    given = parameter.parse_assignments(parameters)
    image = "" if runner == "process" else image
    tuning = tuned(tune, parallel, definition)
    request = Request(
        archive, given, profile, scale, until, not no_cache, quiet, definition, image, champion, tuning, addition
    )
    chosen: Runner = ContainerRunner(runner, image) if image else ProcessRunner()
    ending = launch(request, home, chosen, errors())
    summary.show(ending.record, home, console())
    sys.exit(ending.exit_code)


@main.command()
@click.pass_obj
def runs(home: Home) -> None:
    """List all runs."""
    listing.show(history.load_all(home.runs), home, console())


@main.command()
@click.argument("name", metavar="ID", default=execution.LATEST)
@click.option(
    "--evidence",
    metavar="OUT.zip",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write what a reviewer files: model card, report, gate, figures, definition, decision.",
)
@click.pass_obj
def show(home: Home, name: str, evidence: Path | None) -> None:
    """Print a run's summary again. ID: its beginning, or `latest`."""
    record, shown = history.load(home.runs, name), console()
    summary.show(record, home, shown)
    if evidence:
        filed = bundle.write(record, home, evidence)
        shown.print(f"\nEvidence {short(evidence)}: {len(filed)} files", soft_wrap=True)


def _deciding(command: _Command) -> Callable[..., None]:
    """Add what `approve` and `reject` share."""
    described = click.option("--description", default="from the command line", help="Why; kept with the package.")
    return click.argument("name", metavar="ID")(described(click.pass_obj(command)))


@main.command()
@_deciding
def approve(home: Home, name: str, description: str) -> None:
    """Approve the model package of a run; `reject` undoes it."""
    _decide(home, name, APPROVED, description)


@main.command()
@_deciding
def reject(home: Home, name: str, description: str) -> None:
    """Reject the model package of a run; `approve` undoes it."""
    _decide(home, name, REJECTED, description)


def _decide(home: Home, name: str, status: str, description: str) -> None:
    record = history.load(home.runs, name)
    package = Registry(home.registry).decide(serving.registered(record), status, description)
    verb = "serve" if status == APPROVED else "approve"
    shown = console()
    shown.print(f"{package['ModelPackageArn']} is {status}.", soft_wrap=True)
    shown.print(f"Next: {program()} {verb} {record.execution_id}", soft_wrap=True)


@main.command()
@click.argument("name", metavar="ID", default=execution.LATEST)
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True)
@click.option("--capture", "captures", is_flag=True, help="Keep what is asked and answered, for `monitor`.")
@click.pass_obj
def serve(home: Home, /, *, name: str, port: int, captures: bool) -> None:
    """Serve a run's approved model on the loopback until Ctrl-C."""
    record = choice.run(name, home, console(), choice.APPROVED, choice.REGISTERED)
    serving.serve(record, home, ProcessRunner(), port, console(), captures=captures)


for operation in (demonstration.sample, *operating.COMMANDS):
    main.add_command(operation)


if __name__ == "__main__":
    main(prog_name="python -m local")
