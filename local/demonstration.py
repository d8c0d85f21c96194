# SPDX-License-Identifier: MIT-0
"""The synthetic archive that `demo` runs on and `sample` writes."""

from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from local.error import UsageError
from local.home import Home
from local.jobs import REPOSITORY
from local.software import digest_of

IMAGES: Final = 700
SEED: Final = 7


def archive(home: Home, console: Console, *, quiet: bool) -> Path:
    """Return the demo's archive, made where it is not there yet; its name changes with the code that draws it."""
    drawn = digest_of(REPOSITORY, ["local/sample"])[:12]
    path = home.root / "samples" / f"synthetic-{IMAGES}-{SEED}-{drawn}.zip"
    if not path.is_file():
        write(path, IMAGES, SEED, console, quiet=quiet)
    return path


def write(path: Path, images: int, seed: int, console: Console, *, quiet: bool = False) -> None:
    """Write a synthetic archive.

    Raises:
        UsageError: `images` or `seed` is out of range.
        OSError: `path` cannot be written.
    """
    from local.sample import write_archive  # noqa: PLC0415  brings numpy and pillow, which no other command needs

    shown = Progress(
        TextColumn("Drawing a synthetic archive"), BarColumn(), MofNCompleteColumn(), console=console, transient=True
    )
    shown.disable = quiet or not console.is_terminal
    if shown.disable and not quiet:
        console.print(f"Drawing a synthetic archive of {images} images")
    try:
        with shown:
            task = shown.add_task("", total=images)
            write_archive(
                path,
                images=images,
                seed=seed,
                progress=lambda done, total: shown.update(task, completed=done, total=total),
            )
    except ValueError as error:
        raise UsageError(str(error)) from error
