# SPDX-License-Identifier: MIT-0
"""The command ``traffic``: what it takes, and what it tells of what came of it."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from local import capture, choice, demonstration, execution, traffic
from local.advice import program, short
from local.home import Home
from local.recorder import SETTLE_SECONDS
from local.terminal import console, errors

# Names alone: what shifts pictures brings numpy and pillow, which no other command needs.
SHIFTS: Final = ("none", "colour", "blur", "dark", "mix", "other")


@click.command("traffic")
@click.argument("name", metavar="ID", default=execution.LATEST)
@click.option("--images", type=click.IntRange(1), default=300, show_default=True, help="How many.")
@click.option("--shift", type=click.Choice(SHIFTS), default="none", show_default=True, help="What is different.")
@click.option("--strength", type=click.FloatRange(0, 1), default=1.0, show_default=True, help="How much of the shift.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option(
    "--camera",
    type=click.IntRange(0),
    default=demonstration.SEED,
    show_default=True,
    help="Seed of the synthetic archive whose camera takes them; another one is a shift of its own.",
)
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="Where it is served.")
@click.option("--held-out", is_flag=True, help="Send what run ID held out, not newly drawn pictures.")
@click.option(
    "--labels",
    metavar="OUT.csv",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the classes of what was sent, for `monitor --labels`.",
)
@click.pass_obj
def send(  # noqa: PLR0913  one parameter for each option
    home: Home,
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
) -> None:
    """Send synthetic pictures to the model served on PORT, clean or shifted, and wait until they are captured.

    Exit code 1 where one was refused, or was not captured although the server captures.
    """
    from local import stream  # noqa: PLC0415  brings numpy and pillow, which no other command needs

    plan = stream.Plan(images, shift, seed, strength, camera)
    if held_out:
        pictures = stream.held_out(plan, choice.run(name, home, console(), choice.JUDGED))
    else:
        pictures = stream.drawn(plan)
    with _bar(f"Sending pictures, shift {shift}") as shown:
        task = shown.add_task("", total=images)
        outcome = traffic.send(pictures, port, lambda done: shown.update(task, completed=done))
    if labels:
        traffic.write_labels(outcome, labels, datetime.now(UTC))
    _tell(outcome, labels)
    sys.exit(1 if outcome.refused or outcome.missing else 0)


def _bar(text: str) -> Progress:
    shown = Progress(TextColumn(text), BarColumn(), MofNCompleteColumn(), console=errors(), transient=True)
    shown.disable = not errors().is_terminal
    return shown


def _tell(outcome: traffic.Outcome, labels: Path | None) -> None:
    shown = console()
    mix = ", ".join(f"{label} {count}" for label, count in outcome.answers.most_common())
    shown.print(f"{outcome.sent} pictures were answered: {mix or 'none'}", soft_wrap=True)
    if outcome.sent:
        alike, sure = (value / outcome.sent for value in (outcome.alike, outcome.confidence))
        shown.print(f"{alike:.0%} as they were drawn; {sure:.2f} is the mean probability of the answer")
    for refusal, times in outcome.refused.items():
        shown.print(f"{times} were refused, {refusal}", style="red", markup=False, soft_wrap=True)
    if labels:
        shown.print(f"Labels: {short(labels)}", soft_wrap=True)
    _tell_captured(outcome, shown)


def _tell_captured(outcome: traffic.Outcome, shown: Console) -> None:
    settled = outcome.settled
    if settled is None:
        again = f"{program()} serve --capture"
        shown.print(f"Nothing was captured: the server does not. To monitor it, start it so: {again}", soft_wrap=True)
        return
    if settled.waiting:
        shown.print(
            f"{settled.waiting} requests are not written after {SETTLE_SECONDS:g} s. See what the server says, and "
            "wait until it has captured them: before, the monitor does not see them.",
            style="red",
            soft_wrap=True,
        )
    if settled.lost:
        shown.print(
            f"The server has lost {settled.lost} requests since it was started. See what it says on its terminal.",
            style="red",
            soft_wrap=True,
        )
    run = capture.execution_id(settled.endpoint)
    shown.print(f"Captured as requests of run {run}. Next: {program()} monitor {run}", soft_wrap=True)
