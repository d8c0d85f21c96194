# SPDX-License-Identifier: MIT-0
"""Writes the synthetic archive of `demo`, and the command `sample`."""

from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from local.aws.s3_store import LocalHome
from local.command_hints import short_path
from local.console.command_frame import error_console, output_console, require_writable_file
from local.errors import UsageError
from local.runners.job_runner import REPOSITORY, digest_of_sources

DEMO_IMAGES: Final = 700
DEMO_SEED: Final = 7


def ensure_demo_archive(home: LocalHome, console: Console, *, quiet: bool) -> Path:
    """Return the demo's archive, created if it is missing; its name has a digest of the code that draws it."""
    digest = digest_of_sources(REPOSITORY, ["local/synthetic", "pipeline_src/class_labels.py"])[:12]
    path = home.root / "samples" / f"synthetic-{DEMO_IMAGES}-{DEMO_SEED}-{digest}.zip"
    if not path.is_file():
        write_archive_with_progress(path, DEMO_IMAGES, DEMO_SEED, console, quiet=quiet)
    return path


@click.command()
@click.option("--images", type=int, default=DEMO_IMAGES, show_default=True, help="Number of images.")
@click.option("--seed", type=int, default=DEMO_SEED, show_default=True)
@click.option(
    "--official", type=int, default=0, show_default=True, help="Number of images of an ISIC 2018 Task 3 test set."
)
@click.option(
    "--twins", type=int, default=0, show_default=True, help="Number of edited copies of images under other lesion ids."
)
@click.option("--force", is_flag=True, help="Replace an existing file.")
@click.argument("path", metavar="OUT.zip", type=click.Path(dir_okay=False, path_type=Path))
def sample(  # noqa: PLR0913  one parameter for each option
    *, path: Path, images: int, seed: int, official: int, twins: int, force: bool
) -> None:
    """Write a synthetic archive in the layout of HAM10000's download."""
    require_writable_file("sample", path, force=force)
    write_archive_with_progress(path, images, seed, error_console(), official=official, twins=twins)
    more = "".join(f", {count} {what}" for count, what in ((official, "official"), (twins, "twins")) if count)
    output_console().print(f"{short_path(path)}: {images} synthetic images{more}, seed {seed}", soft_wrap=True)


def write_archive_with_progress(  # noqa: PLR0913  one parameter for each option
    path: Path, images: int, seed: int, shown_on: Console, *, quiet: bool = False, official: int = 0, twins: int = 0
) -> None:
    """Write a synthetic archive, see `local.synthetic.synthetic_archive.write_synthetic_archive`.

    Raises:
        UsageError: A number is out of range.
        OSError: `path` cannot be written.
    """
    from local.synthetic.synthetic_archive import write_synthetic_archive  # noqa: PLC0415  imports numpy and Pillow, which few commands need

    shown = Progress(
        TextColumn("Drawing a synthetic archive"), BarColumn(), MofNCompleteColumn(), console=shown_on, transient=True
    )
    shown.disable = quiet or not shown_on.is_terminal
    if shown.disable and not quiet:
        shown_on.print(f"Drawing a synthetic archive of {images} images")
    try:
        with shown:
            task = shown.add_task("", total=images + official + twins)
            write_synthetic_archive(
                path,
                images=images,
                seed=seed,
                official=official,
                twins=twins,
                progress=lambda done, total: shown.update(task, completed=done, total=total),
            )
    except ValueError as error:
        raise UsageError(str(error)) from error
