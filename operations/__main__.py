# SPDX-License-Identifier: MIT-0
"""Defines the command line ``python -m operations``."""

import os
from dataclasses import replace
from pathlib import Path

import click

from operations.account import cloudformation_stacks
from operations.account.deployment_account import Account, account_of_environment
from operations.account.terminal_output import CommandGroup, error_console, output_console, print_line
from operations.commands import (
    cdk_bootstrap,
    execution_history,
    export_job,
    label_upload,
    manual_smoke_test,
    monitor_baseline,
    multipart_upload,
    next_steps,
    retraining_execution,
    review_comment,
    selective_retraining,
)
from operations.destroy import destroy_command
from operations.first_run import aws_beliefs, first_run_command
from operations.functions import aws_clients
from operations.functions.errors import UsageError
from operations.preflight import preflight_requirements, preflight_run
from pipeline_src.algorithms.algorithm_table import find_algorithm


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--name",
    default="skin-lesion",
    envvar="DEPLOYMENT",
    show_default=True,
    help="Name of the deployment: the setting `name`, with which the names of its stacks begin.",
)
@click.option("--region", envvar=["AWS_REGION", "AWS_DEFAULT_REGION"], help="Region, instead of that of the profile.")
@click.option(
    "--staging-profile", envvar="STAGING_PROFILE", help="Profile of the account of staging, if that is another one."
)
@click.option(
    "--production-profile", envvar="PRODUCTION_PROFILE", help="Profile of the account of production, likewise."
)
@click.pass_context
def main(
    context: click.Context, name: str, region: str | None, staging_profile: str | None, production_profile: str | None
) -> None:
    """Operate a deployment. AWS_PROFILE chooses the account, AWS_REGION the region.

    Exit codes: 0 success, 1 failure, 2 bad usage, credentials or permissions, or nothing deployed, 130 stopped.
    """
    # Tests pass an account.
    account: Account = context.obj or account_of_environment(name, region)
    given = {"staging": staging_profile, "production": production_profile}
    context.obj = replace(account, profiles={stage: profile for stage, profile in given.items() if profile})


@main.command()
@click.argument("archive", type=click.Path(path_type=Path))
@click.pass_obj
def upload(account: Account, archive: Path) -> None:
    """Upload ARCHIVE to the raw bucket.

    It is HAM10000's dataverse_files.zip; an interrupted upload resumes.
    """
    multipart_upload.check_archive(archive)  # before credentials are asked for
    bucket = account.output("storage", "RawBucket")
    print_line(
        output_console(), multipart_upload.upload_archive(account.client("s3"), bucket, archive, error_console())
    )
    print_line(
        output_console(),
        "Next: a new archive starts a retraining; start or follow it: make retrain",
    )


@main.command()
@click.argument("table", type=click.Path(path_type=Path))
@click.option("--again", is_flag=True, help="Send it even if it was uploaded before, to start another monitoring run.")
@click.pass_obj
def labels(account: Account, table: Path, *, again: bool) -> None:
    """Upload TABLE of confirmed labels to the raw bucket.

    It is a CSV file; a monitoring run evaluates them.
    """
    label_upload.read_label_table(table)  # before credentials are asked for
    bucket = account.output("storage", "RawBucket")
    done = label_upload.upload_labels(account.client("s3"), bucket, table, again=again)
    print_line(output_console(), done.message)
    if done.sent:
        print_line(
            output_console(), "Next: a notification with the metrics of production follows in about ten minutes."
        )


@main.command()
@click.argument("reason")
@click.option("--days", type=click.IntRange(1, 30), default=30, show_default=True, help="Period up to now.")
@click.pass_obj
def accept_baseline(account: Account, reason: str, *, days: int) -> None:
    """Accept production's images as the monitor's baseline for the live model; REASON is kept with them."""
    print_line(output_console(), monitor_baseline.accept_baseline(account, reason=reason, days=days))


@main.command()
@click.argument("reason")
@click.pass_obj
def undo_baseline(account: Account, reason: str) -> None:
    """Take the last accepted baseline of the live model back; REASON is kept."""
    print_line(output_console(), monitor_baseline.undo_baseline(account, reason=reason))


@main.command()
@click.option("--archive", metavar="KEY", default="", help="Key in the raw bucket instead of the newest archive.")
@click.option("--champion/--no-champion", default=True, help="Compare with the model in production, or not.")
@click.option(
    "--addition", metavar="KEY|none", default="", help="Key of the additional archive, instead of the newest."
)
@click.option("--from", "first", metavar="STEP", default="", help="Run this step and those after it alone.")
@click.option(
    "--of",
    "source",
    metavar="ID",
    default="",
    help="With --from: execution that has the others, instead of the newest.",
)
@click.option("--wait", is_flag=True, help="Follow it until its end; exit code 1 if it fails.")
@click.pass_obj
def retrain(  # noqa: PLR0913  one parameter for each option
    account: Account, archive: str, addition: str, *, champion: bool, first: str, source: str, wait: bool
) -> None:
    """Start a retraining, or join the one that trains the same model."""
    if first or source:
        if not first or archive or addition or not champion:
            raise UsageError(
                "retrain: --from STEP takes --of ID and --wait alone, because archives and comparison are those of the "
                "earlier execution; --of needs --from."
            )
        _retrain_from(account, first, source, wait=wait)
        return
    execution = retraining_execution.start_retraining_execution(account, archive, champion=champion, addition=addition)
    print_line(output_console(), f"Started: {aws_clients.execution_console_url(execution)}")
    if wait:
        print_line(
            output_console(),
            f"Succeeded: {retraining_execution.follow_retraining_execution(account, execution, output_console())}",
        )
        print_line(output_console(), "Next: make next")


def _retrain_from(account: Account, first: str, source: str, *, wait: bool) -> None:
    started = selective_retraining.start_from_step(account, first, source)
    print_line(output_console(), started.message)
    if wait:
        done = retraining_execution.follow_pipeline_execution(account, started.execution, output_console())
        print_line(output_console(), f"Succeeded: {done}")
        print_line(output_console(), "Next: make next")
    else:
        print_line(output_console(), f"Execution: {started.execution}")


@main.command()
@click.option("--endpoint", metavar="NAME", help="Name of a SageMaker endpoint.")
@click.option(
    "--package", metavar="ARN", default="", help="Model package to compare with, instead of the one that it serves."
)
@click.option("--url", help="URL of a server instead, for example http://127.0.0.1:8080/invocations.")
@click.option("--evaluation", type=click.Path(path_type=Path), help="With --url: folder of a run's predictions.csv.")
@click.option("--holdout", type=click.Path(path_type=Path), help="With --url: folder of the run's images.")
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
    """Send the golden images to an endpoint or a server.

    Exit code 0 if its answers agree with the evaluation.
    """
    if endpoint and not (url or evaluation or holdout):
        manual_smoke_test.smoke_test_endpoint(account, endpoint, package, output_console())
    elif url and evaluation and holdout and not (endpoint or package):
        manual_smoke_test.smoke_test_url(url, evaluation, holdout, output_console())
    else:
        raise UsageError("smoke: give --endpoint NAME [--package ARN], or --url URL --evaluation DIR --holdout DIR.")


@main.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--data", is_flag=True, help="Delete the data too: archives, runs, registry, keys.")
@click.option(
    "--context",
    "-c",
    multiple=True,
    metavar="KEY=VALUE",
    help="Setting of the deployment, as for cdk deploy; repeatable.",
)
@click.pass_obj
def destroy(account: Account, context: tuple[str, ...], *, yes: bool, data: bool) -> None:
    """Delete the deployment, after asking.

    Keeps the data unless --data is given. Lists what is left.
    """
    settings = _settings(account, "destroy", context)
    ask = None if yes else lambda question: str(click.prompt(question))
    destroy_command.destroy_deployment(
        account,
        output_console(),
        cdk=cloudformation_stacks.cdk_in_region(account.region),
        context=settings,
        data=data,
        ask=ask,
        planned=lambda: preflight_requirements.planned_remote_stages(
            preflight_requirements.read_requirements(settings), account.name
        ),
    )


@main.command()
@click.option("--repository", required=True, help="Name of the CodeCommit repository.")
@click.option("--pull-request", required=True, metavar="ID", help="Its number.")
@click.option(
    "--file",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="The Markdown to post.",
)
@click.pass_obj
def comment(account: Account, repository: str, pull_request: str, path: Path) -> None:
    """Post the review of a CodeCommit pull request.

    It is a comment; an earlier one is updated.
    """
    print_line(
        output_console(),
        review_comment.post_review_comment(account.client("codecommit"), repository, pull_request, path),
    )


@main.command()
@click.pass_obj
def identity(account: Account) -> None:
    """Print the account and region of the credentials."""
    caller = account.caller()
    print_line(output_console(), f"Account {caller['Account']}, region {account.region}, as {caller['Arn']}")


@main.command(name="next")
@click.pass_obj
def next_(account: Account) -> None:
    """List the next steps; changes nothing."""
    for step in next_steps.list_next_steps(account):
        print_line(output_console(), f"- {step}")


@main.command(name="bootstrap")
@click.option("--context", "-c", multiple=True, metavar="KEY=VALUE", help="As for cdk deploy; repeatable.")
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def bootstrap_(account: Account, context: tuple[str, ...], options: tuple[str, ...]) -> None:
    """Bootstrap account and region for the CDK.

    Also other accounts whose profiles are given. OPTIONS go to cdk.
    """
    settings = _settings(account, "bootstrap", context)
    needed = preflight_requirements.read_requirements(settings)
    cdk_bootstrap.bootstrap_accounts(
        account,
        needed,
        output_console(),
        cdk=cloudformation_stacks.cdk_in_region(""),
        context=settings,
        options=options,
    )


@main.command()
@click.option("--context", "-c", multiple=True, metavar="KEY=VALUE", help="As for cdk deploy; repeatable.")
@click.pass_context
def preflight(click_context: click.Context, context: tuple[str, ...]) -> None:
    """Check account, region and machine; changes nothing.

    Exit codes: 0 nothing failed (there may be warnings, and checks that lack a permission), 1 a check failed,
    2 nothing failed, but the account was not checked for want of a region or credentials.
    """
    account: Account = click_context.obj
    with error_console().status("Checking account, region and machine"):
        needed = preflight_requirements.read_requirements(_settings(account, "preflight", context))
        outcome = preflight_run.run_preflight(account, needed, os.environ)
    preflight_run.print_preflight_result(outcome, output_console())
    settles = {"tuning": bool(needed.tuning_jobs), "elsewhere": bool(needed.elsewhere)}
    print_line(output_console(), aws_beliefs.announce_beliefs(find_algorithm(needed.algorithm), **settles))
    click_context.exit(outcome.exit_code)


def _settings(account: Account, verb: str, context: tuple[str, ...]) -> tuple[str, ...]:
    """Return the context with the name of the deployment.

    Raises:
        UsageError: The context names another deployment.
    """
    other = next((pair for pair in context if pair.startswith("name=") and pair != f"name={account.name}"), None)
    if other:
        raise UsageError(
            f"{verb}: context {other!r} is not the deployment {account.name!r}. Use one name for both: "
            f"make {verb} CONTEXT={other}"
        )
    return (f"name={account.name}", *context)


main.add_command(execution_history.history_command)
main.add_command(export_job.export_command)
main.add_command(first_run_command.walk_first_run)


if __name__ == "__main__":
    main(prog_name="python -m operations")
