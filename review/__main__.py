# SPDX-License-Identifier: MIT-0
"""The command line of the review: ``python -m review``."""

import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NoReturn

import click

from review import git_checkout, stack_changes
from review.errors import ReviewError, StoppedError, UsageError
from review.git_checkout import BaseCommit
from review.markdown_report import LONGEST, failure_document, review_document
from review.synth import APP, AppVersion, synthesize_versions

ATTENTION: Final = 3
_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP)
_LOCK: Final = "requirements.txt"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--base", default="main", show_default=True, help="Branch, tag or commit to compare with.")
@click.option(
    "--head", type=click.Path(path_type=Path), default=".", show_default=True, help="Working tree of the branch."
)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="File instead of the standard output.")
@click.option("--context", "given", multiple=True, metavar="KEY=VALUE", help="For both sides; may be repeated.")
@click.option(
    "--longest",
    type=click.IntRange(min=2000),
    default=LONGEST,
    show_default=True,
    metavar="BYTES",
    help="Of the text; CodeCommit's comments hold 10,240 characters.",
)
@click.option("--exit-zero", is_flag=True, help="Exit with 0, not 3, where something needs attention.")
def main(  # noqa: PLR0913  one parameter for each option
    base: str, head: Path, output: Path | None, given: tuple[str, ...], *, longest: int, exit_zero: bool
) -> None:
    """Print what a branch changes in the infrastructure and in the pipeline, as Markdown.

    Exit code 0: nothing destructive, nothing broadened. 3: something needs attention. 2: could not be compared.
    """
    try:
        text, needs_attention = _review(base, head.absolute(), _context(given), longest)
    except ReviewError as error:
        if output:
            _write(output, failure_document(str(error), longest=longest))
        _fail(error)
    except KeyboardInterrupt:
        _fail(StoppedError("stopped by the user"))
    if output:
        _write(output, text)
    else:
        click.echo(text, nl=False)
    sys.exit(ATTENTION if needs_attention and not exit_zero else 0)


def _review(base: str, head: Path, context: Mapping[str, str], longest: int) -> tuple[str, bool]:
    """Return the Markdown and whether anything needs attention."""
    for each in _SIGNALS:
        signal.signal(each, _stop)
    point = git_checkout.find_base_commit(head, base)
    # Resolved, so that a link on the way to the temporary folder cannot hide it in a message.
    with tempfile.TemporaryDirectory(prefix="review-") as name:
        folder = Path(name).resolve()
        with git_checkout.base_worktree(head, point.commit, folder / "base") as place:
            old, new = AppVersion("base", place, folder / "base.out"), AppVersion("head", head, folder / "head.out")
            if not new.has_app:
                raise UsageError(
                    f"head: no {APP} in it, so there is nothing to compare. Name the app's folder: --head."
                )
            synthesize_versions([side for side in (old, new) if side.has_app], context)
            changes = stack_changes.stack_changes(old.output if old.has_app else None, new.output)
            remarks = _remarks(point, old, new)
    return review_document(point, changes, remarks, longest=longest), any(each.needs_attention for each in changes)


def _remarks(point: BaseCommit, old: AppVersion, new: AppVersion) -> list[str]:
    remarks = []
    if not old.has_app:
        remarks.append(f"The base has no {APP} yet, so everything here is an addition.")
    if not point.is_ancestor:
        remarks.append("The branch and its base have no common history: they are compared as they stand.")
    locks = [(side.place / _LOCK).read_bytes() if (side.place / _LOCK).is_file() else b"" for side in (old, new)]
    if old.has_app and locks[0] != locks[1]:
        remarks.append(
            f"{_LOCK} differs. Both sides were synthesized with the libraries that are installed here, "
            "so what the libraries themselves would change is not shown."
        )
    return remarks


def _context(given: tuple[str, ...]) -> dict[str, str]:
    pairs = [each.partition("=") for each in given]
    wrong = [key for key, equals, _ in pairs if not (key and equals)]
    if wrong:
        raise UsageError(f"--context {wrong[0]!r}: no KEY=VALUE. Write, for example, --context name=skin-lesion.")
    return {key: value for key, _, value in pairs}


def _write(path: Path, text: str) -> None:
    aside = path.with_name(f".{path.name}.part")
    try:
        aside.write_text(text)
        aside.replace(path)
    except OSError as error:
        _fail(UsageError(f"--output {str(path)!r}: {error.strerror}. Name a file that can be written."))


def _stop(*_: object) -> NoReturn:
    # A second one must not end what the first one began: the worktree's removal.
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise StoppedError("stopped by a signal")


def _fail(error: ReviewError) -> NoReturn:
    click.echo(f"error: {error}", err=True)
    sys.exit(error.exit_code)


if __name__ == "__main__":
    main(prog_name="python -m review")
