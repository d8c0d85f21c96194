# SPDX-License-Identifier: MIT-0
"""The command line of operations on an account: ``python -m operations``."""

import os
from dataclasses import replace
from pathlib import Path

import click

from operations import link
from operations.command import advice, bootstrap, cdk, confirmation, export, machine, review_comment
from operations.command import labels as labelling
from operations.command import smoke as smoking
from operations.command import upload as uploading
from operations.command.account import Account, here
from operations.command.preflight import demand, report, runner
from operations.command.terminal import Group, console, errors, say
from operations.error import UsageError
from operations.first_run import beliefs, first_run_command


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--name",
    default="skin-lesion",
    envvar="DEPLOYMENT",
    show_default=True,
    help="The deployment: the setting `name`, with which the names of its stacks begin.",
)
@click.option("--region", envvar=["AWS_REGION", "AWS_DEFAULT_REGION"], help="Instead of the profile's region.")
@click.option("--staging-profile", envvar="STAGING_PROFILE", help="Leads to staging, where it is in another account.")
@click.option("--production-profile", envvar="PRODUCTION_PROFILE", help="Likewise to production.")
@click.pass_context
def main(
    context: click.Context, name: str, region: str | None, staging_profile: str | None, production_profile: str | None
) -> None:
    """Act on a deployment. AWS_PROFILE chooses the account, AWS_REGION the region.

    Exit codes: 0 done, 1 failed, 2 bad usage, credentials or permissions, or nothing deployed, 130 stopped.
    """
    # Tests hand in an account of their own.
    account: Account = context.obj or here(name, region)
    given = {"staging": staging_profile, "production": production_profile}
    context.obj = replace(account, profiles={stage: profile for stage, profile in given.items() if profile})


@main.command()
@click.argument("archive", type=click.Path(path_type=Path))
@click.pass_obj
def upload(account: Account, archive: Path) -> None:
    """Bring ARCHIVE, HAM10000's dataverse_files.zip, into the raw bucket; a broken-off upload goes on."""
    bucket = account.output("storage", "RawBucket")
    say(console(), uploading.upload(account.client("s3"), bucket, archive, errors()))
    say(console(), "Next: an archive that is new starts a retraining by itself; start it or follow it: make retrain")


@main.command()
@click.argument("table", type=click.Path(path_type=Path))
@click.option("--again", is_flag=True, help="Send it although it is there, so that the monitor looks once more.")
@click.pass_obj
def labels(account: Account, table: Path, *, again: bool) -> None:
    """Bring TABLE, a CSV of confirmed labels, into the raw bucket; the monitor says what follows from them."""
    bucket = account.output("storage", "RawBucket")
    done = labelling.upload(account.client("s3"), bucket, table, again=again)
    say(console(), done.message)
    if done.sent:
        say(console(), "Next: a message says what they make of the answers of production, in about ten minutes.")


@main.command()
@click.option("--archive", metavar="KEY", default="", help="Key in the raw bucket instead of the newest archive.")
@click.option("--champion/--no-champion", default=True, help="Compare with the model in production, or with nothing.")
@click.option("--addition", metavar="KEY|none", default="", help="Instead of the newest additional archive.")
@click.option("--wait", is_flag=True, help="Follow it until it has ended; exit code 1 where it failed.")
@click.pass_obj
def retrain(account: Account, archive: str, addition: str, *, champion: bool, wait: bool) -> None:
    """Start a retraining, or join the one that trains the same model already."""
    execution = machine.start(account, archive, champion=champion, addition=addition)
    say(console(), f"Started: {link.of_execution(execution)}")
    if wait:
        say(console(), f"Succeeded: {machine.follow(account, execution, console())}")
        say(console(), "Next: make next")


@main.command()
@click.option("--endpoint", metavar="NAME", help="A SageMaker endpoint.")
@click.option("--package", metavar="ARN", default="", help="Its model package, if not the one that it serves.")
@click.option("--url", help="Or a server, for example http://127.0.0.1:8080/invocations.")
@click.option("--evaluation", type=click.Path(path_type=Path), help="With --url: folder of a run's predictions.csv.")
@click.option("--holdout", type=click.Path(path_type=Path), help="With --url: folder of the run's pictures.")
@click.pass_obj
def smoke(  # noqa: PLR0913  one parameter for each option
    account: Account,
    *,
    endpoint: str | None,
    package: str,
    url: str | None,
    evaluation: Path | None,
    holdout: Path | None,
) -> None:
    """Send the golden images to an endpoint or a server: exit code 0 if it answers as the model was evaluated."""
    if endpoint and not (url or evaluation or holdout):
        smoking.endpoint(account, endpoint, package, console())
    elif url and evaluation and holdout and not (endpoint or package):
        smoking.url(url, evaluation, holdout, console())
    else:
        raise UsageError("smoke: give --endpoint NAME [--package ARN], or --url URL --evaluation DIR --holdout DIR.")


@main.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--data", is_flag=True, help="Delete the archives, runs, models and the key, too.")
@click.option("--context", "-c", multiple=True, metavar="KEY=VALUE", help="As the deployment was given it; repeatable.")
@click.pass_obj
def destroy(account: Account, context: tuple[str, ...], *, yes: bool, data: bool) -> None:
    """Delete the deployment but its data; says what goes and what stays, and asks."""
    settings = _settings(account, "destroy", context)
    ask = None if yes else lambda question: str(click.prompt(question))
    confirmation.destroy(
        account,
        console(),
        cdk=cdk.in_region(account.region),
        context=settings,
        data=data,
        ask=ask,
        planned=lambda: demand.stages(demand.read(settings), account.name),
    )


@main.command()
@click.option("--repository", required=True, help="Name of the CodeCommit repository.")
@click.option("--pull-request", required=True, metavar="ID", help="Its number.")
@click.option("--file", "path", type=click.Path(path_type=Path), required=True, help="The Markdown to post.")
@click.pass_obj
def comment(account: Account, repository: str, pull_request: str, path: Path) -> None:
    """Post the review of a CodeCommit pull request as a comment, or bring the earlier one up to date."""
    say(console(), review_comment.comment(account.client("codecommit"), repository, pull_request, path))


@main.command(name="next")
@click.pass_obj
def next_(account: Account) -> None:
    """Say what to do next; changes nothing."""
    for step in advice.following(account):
        say(console(), f"- {step}")


@main.command(name="bootstrap")
@click.option("--context", "-c", multiple=True, metavar="KEY=VALUE", help="As for cdk deploy; repeatable.")
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def bootstrap_(account: Account, context: tuple[str, ...], options: tuple[str, ...]) -> None:
    """Prepare account and region for the CDK, and other accounts whose profiles are named; OPTIONS are cdk's own."""
    settings = _settings(account, "bootstrap", context)
    needed = demand.read(settings)
    bootstrap.prepare(account, needed, console(), cdk=cdk.in_region(""), context=settings, options=options)


@main.command()
@click.option("--context", "-c", multiple=True, metavar="KEY=VALUE", help="As for cdk deploy; repeatable.")
@click.pass_context
def preflight(click_context: click.Context, context: tuple[str, ...]) -> None:
    """Look whether a deployment would find what it needs in account, region and machine; changes nothing.

    Exit codes: 0 nothing failed (there may be warnings, and things that could not be looked at for want of a
    permission), 1 a check failed, 2 nothing failed, but without region or credentials the account was not asked.
    """
    account: Account = click_context.obj
    with errors().status("Looking at account, region and machine"):
        needed = demand.read(_settings(account, "preflight", context))
        outcome = runner.run(account, needed, os.environ)
    report.show(outcome, console())
    say(console(), beliefs.announced(tuning=bool(needed.tuning_jobs), elsewhere=bool(needed.elsewhere)))
    click_context.exit(outcome.exit_code)


def _settings(account: Account, verb: str, context: tuple[str, ...]) -> tuple[str, ...]:
    """Return the context by which the CDK and the settings know the deployment.

    Raises:
        UsageError: It names another deployment than the command acts on.
    """
    other = next((pair for pair in context if pair.startswith("name=") and pair != f"name={account.name}"), None)
    if other:
        raise UsageError(
            f"{verb}: context {other!r} is not the deployment {account.name!r}. Let one name stand for both: "
            f"make {verb} CONTEXT={other}"
        )
    return (f"name={account.name}", *context)


main.add_command(export.command)
main.add_command(first_run_command.command)


if __name__ == "__main__":
    main(prog_name="python -m operations")
