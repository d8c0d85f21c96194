# SPDX-License-Identifier: MIT-0
"""The commands that send traffic to a served model, monitor it and export its captured images."""

import json
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from local import json_files
from local.aws import data_capture, pipeline_executions
from local.aws.pipeline_executions import ExecutionRecord
from local.aws.s3_store import LocalHome
from local.command_hints import program_command, short_path
from local.console.command_frame import (
    complete_run,
    error_console,
    output_console,
    require_writable_file,
    run_argument,
)
from local.endpoint import capture_export, image_prediction, monitoring_job, run_selection, traffic_client
from local.errors import UsageError
from local.runners.process_runner import ProcessRunner
from local.synthetic import demo_archive
from pipeline_src import contract
from pipeline_src.algorithms.algorithm_table import LOCAL_ALGORITHM

TRAFFIC_FILE: Final = "traffic.json"  # in the home: when `traffic` was started last
# Names only: the module that shifts images imports numpy and Pillow, which no other command needs.
SHIFT_NAMES: Final = ("none", "colour", "blur", "dark", "mix", "other")


@click.command("traffic")
@run_argument()
@click.option("--images", type=click.IntRange(1), default=300, show_default=True, help="Number of images.")
@click.option(
    "--shift",
    type=click.Choice(SHIFT_NAMES),
    default="none",
    show_default=True,
    help="How the images differ from the archive's.",
)
@click.option("--strength", type=click.FloatRange(0, 1), default=1.0, show_default=True, help="Strength of the shift.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option(
    "--camera",
    type=click.IntRange(0),
    default=demo_archive.DEMO_SEED,
    show_default=True,
    help="Seed of the synthetic archive whose camera is imitated; another camera is a shift of its own.",
)
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="Port of the served model."
)
@click.option("--held-out", is_flag=True, help="Send the held-out images of run ID instead of newly drawn ones.")
@click.option(
    "--write-labels",
    "labels",
    metavar="OUT.csv",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the classes of the images, for `monitor --labels`.",
)
@click.option("--force", is_flag=True, help="Replace an existing file of --write-labels.")
@click.pass_obj
def traffic(  # noqa: PLR0913  one parameter for each option
    home: LocalHome,
    /,
    *,
    name: str,
    images: int,
    shift: str,
    strength: float,
    seed: int,
    camera: int,
    port: int,
    held_out: bool,
    labels: Path | None,
    force: bool,
) -> None:
    """Send synthetic images to the model served on PORT.

    Exit code 1 if an image was refused, or could not be captured by a server that captures.
    """
    from local.endpoint import traffic_images  # noqa: PLC0415  imports numpy and Pillow, which no other command needs

    if labels:
        require_writable_file("--write-labels", labels, force=force)
    plan = traffic_images.TrafficPlan(images, shift, seed, strength, camera)
    if held_out:
        record = run_selection.select_run(name, home, output_console(), run_selection.EVALUATED_RUN)
        chosen = traffic_images.pick_held_out_images(plan, record)
    else:
        chosen = traffic_images.draw_images(plan)
    shown = Progress(
        TextColumn(f"Sending images, shift {shift}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=error_console(),
        transient=True,
        disable=not error_console().is_terminal,
    )
    started = datetime.now(UTC)
    with shown:
        task = shown.add_task("", total=images)
        outcome = traffic_client.send_images(chosen, port, lambda done: shown.update(task, completed=done))
    if labels:
        traffic_client.write_label_table(outcome, labels, datetime.now(UTC))
    json_files.write_json(home.root / TRAFFIC_FILE, {"Started": started.isoformat()})
    _print_traffic_outcome(outcome, labels)
    sys.exit(outcome.exit_code)


def _print_traffic_outcome(outcome: traffic_client.TrafficOutcome, labels: Path | None) -> None:
    shown = output_console()
    mix = ", ".join(f"{label} {count}" for label, count in outcome.answers.most_common())
    shown.print(f"{outcome.answered} images were answered: {mix or 'none'}", soft_wrap=True)
    if outcome.answered:
        correct, confidence = (value / outcome.answered for value in (outcome.correct, outcome.confidence))
        shown.print(f"{100 * correct:.0f} % match the label; mean confidence {confidence:.2f}")
    for refusal, times in outcome.refused.items():
        shown.print(f"{times} were refused, {refusal}", style="red", markup=False, soft_wrap=True)
    if labels:
        shown.print(f"Labels: {short_path(labels)}", soft_wrap=True)
    capture = outcome.capture
    if capture is None:
        again = f"{program_command()} serve --capture"
        shown.print(f"The server does not capture requests. To monitor it, restart it with: {again}", soft_wrap=True)
        return
    if capture.lost:
        shown.print(
            f"The server failed to capture {capture.lost} requests since it was started. See its terminal.",
            style="red",
            soft_wrap=True,
        )
    run = data_capture.execution_id_of_endpoint(capture.endpoint)
    given = f" --labels {shlex.quote(short_path(labels))}" if labels else ""
    monitor_command = f"{program_command()} monitor {run} --since traffic{given}"
    shown.print(f"Captured as requests of run {run}. Next: {monitor_command}", soft_wrap=True)


@click.command("monitor")
@run_argument()
@click.option(
    "--since",
    metavar="TIME",
    help="Start of the period: 90m, 2h or 3d ago, a time in ISO 8601, or `traffic`: when that was started last.",
)
@click.option(
    "--labels",
    metavar="LABELS.csv",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Confirmed classes: a table with the columns id (as the request was named) and label.",
)
@click.option(
    "--accept", metavar="REASON", default="", help="Accept the period's images as the baseline of later runs."
)
@click.option("--undo", metavar="REASON", default="", help="Take the last accepted baseline back before the run.")
@click.pass_obj
def monitor(  # noqa: PLR0913  one parameter for each option
    home: LocalHome, /, *, name: str, since: str | None, labels: Path | None, accept: str, undo: str
) -> None:
    """Compare captured requests with the baseline of run ID.

    With --since, the measured images are kept for later runs, which find lasting changes in them.

    Exit code 0: no violation; 1: violations; 2: bad input, or too little was captured to compare.
    """
    now = datetime.now(UTC)
    if since == "traffic":
        since = _start_of_traffic(home)
    request = monitoring_job.MonitoringRequest(
        monitoring_job.parse_since_option(since, now) if since else None, now, labels, accept, undo
    )
    record = run_selection.select_run(
        name, home, output_console(), run_selection.CAPTURED_RUN, run_selection.REGISTERED_RUN
    )
    finding = monitoring_job.run_monitoring_job(request, record, home, ProcessRunner())
    _print_monitoring_result(finding, output_console())
    for decision in finding.decisions:
        output_console().print(decision, soft_wrap=True)
    sys.exit(finding.exit_code)


def _start_of_traffic(home: LocalHome) -> str:
    try:
        return str(json_files.read_json(home.root / TRAFFIC_FILE)["Started"])
    except (OSError, ValueError, KeyError):
        raise UsageError("--since traffic: no traffic was sent from here. Send some, or give a time.") from None


def _print_monitoring_result(finding: monitoring_job.MonitoringResult, shown: Console) -> None:
    if finding.statement:
        shown.print(Text(finding.statement, style="bold"), soft_wrap=True)
    for sentence in finding.violation_sentences:
        shown.print(Text.assemble(("violated: ", "red"), sentence), soft_wrap=True)
    for sentence in finding.notices:
        shown.print(Text.assemble(("note: ", "cyan"), sentence), soft_wrap=True)
    for label, value in finding.truth:
        shown.print(f"{label}: {value}", soft_wrap=True)
    shown.print(finding.summary["message"], soft_wrap=True)
    shown.print(f"Report    {short_path(finding.report)}", soft_wrap=True)
    if finding.violations:
        labels = "" if finding.truth else " --labels LABELS.csv"  # those given to `monitor` are the default
        shown.print(
            f"Next      read the report; then feed confirmed labels back: {program_command()} export{labels}",
            soft_wrap=True,
        )


@click.command("export")
@run_argument()
@click.option(
    "--labels",
    metavar="LABELS.csv",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Confirmed classes by request id.  [default: the tables given to `monitor`]",
)
@click.option(
    "--add",
    "earlier",
    metavar="FILE.zip",
    type=click.Path(dir_okay=False, path_type=Path),
    help="An earlier additional archive, whose images the new one includes.",
)
@click.pass_obj
def export(home: LocalHome, /, *, name: str, labels: Path | None, earlier: Path | None) -> None:
    """Make an additional archive of labelled captured images.

    Exit code 2 if there is nothing to export; then no archive is written.
    """
    record = run_selection.select_run(name, home, output_console(), run_selection.CAPTURED_RUN)
    made = capture_export.export_captured_images(
        capture_export.ExportRequest(datetime.now(UTC), labels, earlier), record, home, ProcessRunner()
    )
    shown, exported = output_console(), made.report["exported"]
    mix = ", ".join(f"{label} {count}" for label, count in exported["by_class"].items() if count)
    shown.print(f"{exported['images']} images were exported, {exported['new']} of them new: {mix}", soft_wrap=True)
    shown.print(f"{made.report['captured']} requests were captured, {made.report['labelled']} are labelled")
    for reason, left in made.report["left_out"].items():
        first = ", ".join(left["first"])
        shown.print(f"Left out, {reason}: {left['count']} ({first})", style="yellow", markup=False, soft_wrap=True)
    shown.print(f"Archive   {short_path(made.archive)}", soft_wrap=True)
    shown.print(
        f"Next      {program_command()} {_retraining_command(record, made.archive)}",
        soft_wrap=True,
    )


def _retraining_command(record: ExecutionRecord, addition: Path) -> str:
    """Return the command that trains as the run did, with an additional archive."""
    notes = record.data["Local"]
    archive, profile = str(notes.get("Archive", "")), str(notes.get("Profile", ""))
    options = ["--add", short_path(addition)]
    if notes.get("Algorithm", LOCAL_ALGORITHM) != LOCAL_ALGORITHM:
        options += ["--algorithm", str(notes["Algorithm"])]
    return shlex.join(["run", "--archive", archive or "ARCHIVE.zip", "--profile", profile or "default", *options])


@click.command("predict")
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--run",
    "name",
    metavar="ID",
    default=pipeline_executions.LATEST_RUN,
    shell_complete=complete_run,
    help="[default: the newest model]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def predict(home: LocalHome, /, *, images: tuple[Path, ...], name: str, as_json: bool) -> None:
    """Ask a run's model about images. Research use only: not a diagnosis.

    Exit code 1 if the model refused an image.
    """
    record = run_selection.select_run(
        name, home, error_console(), run_selection.APPROVED_RUN, run_selection.REGISTERED_RUN
    )
    answers = list(image_prediction.predict_images(record, home, ProcessRunner(), images))
    if as_json:
        click.echo(json.dumps([_prediction_json(each) for each in answers], indent=2))
    else:
        for each in answers:
            _print_prediction(each, output_console())
    sys.exit(1 if any(each.refusal for each in answers) else 0)


def _prediction_json(found: image_prediction.ImagePrediction) -> dict[str, object]:
    if found.refusal:
        return {"image": str(found.image), "refusal": found.refusal}
    return {
        "image": str(found.image),
        "label": found.label,
        "probabilities": dict(zip(contract.CLASS_LABELS, found.probabilities, strict=True)),
        "melanoma": found.is_melanoma,
        "melanoma_threshold": found.threshold,
    }


def _print_prediction(found: image_prediction.ImagePrediction, shown: Console) -> None:
    shown.print(f"{short_path(found.image)}", style="bold", markup=False, soft_wrap=True)
    if found.refusal:
        shown.print(f"  refused: {found.refusal}", style="red", markup=False, soft_wrap=True)
        return
    order = sorted(zip(found.probabilities, contract.CLASS_LABELS, strict=True), reverse=True)
    for probability, label in order:
        shown.print(f"  {label:<6} {contract.CLASS_TITLES[label]:<32} {probability:.4f}", markup=False, soft_wrap=True)
    if found.threshold is None:
        shown.print("  melanoma: the evaluation chose no threshold")
    else:
        said = "yes" if found.is_melanoma else "no"
        shown.print(f"  melanoma: {said} ({found.melanoma:.4f}, threshold {found.threshold:.4f})")


ENDPOINT_COMMANDS: Final = (traffic, monitor, export, predict)
