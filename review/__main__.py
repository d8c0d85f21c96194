# SPDX-License-Identifier: MIT-0
"""Command line of the review: ``python -m review``."""

import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NoReturn

import click

from review import app_versions, cost_difference, stack_changes
from review.app_versions import APP, AppVersion, BaseCommit, synthesize_versions
from review.errors import ReviewError, StoppedError, UsageError
from review.markdown import ReviewNote, code_span
from review.markdown_report import MAXIMUM_BYTES, failure_document, review_document

_EXIT_ATTENTION: Final = 3
_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP)
_LOCK_FILE: Final = "requirements.txt"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--base", default="main", show_default=True, help="Branch, tag or commit to compare with.")
@click.option(
    "--head", type=click.Path(path_type=Path), default=".", show_default=True, help="Working tree of the branch."
)
@click.option(
    "--pull-request-head",
    "merged",
    envvar="PULL_REQUEST_HEAD",
    default="",
    metavar="COMMIT",
    help="Head of a pull request; where the checkout is its merge, the base is the merge's first parent.",
)
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file, not to the standard output."
)
@click.option(
    "--context", "pairs", multiple=True, metavar="KEY=VALUE", help="CDK context for both sides; may be repeated."
)
@click.option(
    "--longest",
    type=click.IntRange(min=2000),
    default=MAXIMUM_BYTES,
    show_default=True,
    metavar="BYTES",
    help="Maximum length of the text; a CodeCommit comment holds 10,240 characters.",
)
@click.option("--exit-zero", is_flag=True, help="Exit with 0 instead of 3 if something needs attention.")
def main(  # noqa: PLR0913  one parameter for each option
    base: str, head: Path, merged: str, output: Path | None, pairs: tuple[str, ...], *, longest: int, exit_zero: bool
) -> None:
    """Print what a branch changes in infrastructure and pipeline, as Markdown.

    Exit codes: 0 nothing destructive, broadened or loosened, 3 something needs attention, 2 the comparison failed.
    """
    try:
        text, needs_attention = _review(base, merged, head.absolute(), _parse_context(pairs), longest)
    except ReviewError as error:
        if output:
            _write_file(output, failure_document(str(error), longest=longest))
        _fail(error)
    except KeyboardInterrupt:
        _fail(StoppedError("stopped by the user"))
    if output:
        _write_file(output, text)
    else:
        click.echo(text, nl=False)
    sys.exit(_EXIT_ATTENTION if needs_attention and not exit_zero else 0)


def _review(base: str, merged: str, head: Path, context: Mapping[str, str], longest: int) -> tuple[str, bool]:
    """Return the Markdown and whether anything needs attention."""
    for number in _SIGNALS:
        signal.signal(number, _stop)
    point = app_versions.find_base_commit(head, base, merged)
    # Resolved, so that the paths are recognized and shortened in messages even if the temporary folder is a link.
    with tempfile.TemporaryDirectory(prefix="review-") as temporary:
        folder = Path(temporary).resolve()
        with app_versions.base_worktree(head, point.commit, folder / "base") as place:
            old, new = AppVersion("base", place, folder / "base.out"), AppVersion("head", head, folder / "head.out")
            if not new.has_app:
                raise UsageError(
                    f"head: {APP} not found, so there is nothing to compare. Name the folder of the app with --head."
                )
            synthesize_versions([side for side in (old, new) if side.has_app], context)
            changes = stack_changes.stack_changes(old.output if old.has_app else None, new.output)
            code = _watched_code(head, point)
            remarks = [*_remarks(point, old, new), *_cost_remark(old, new, context)]
    document = review_document(point, changes, remarks, code=code, longest=longest)
    return document, bool(code) or any(each.needs_attention for each in changes)


# Code that decides what may pass. Templates show only that some code changed.
_WATCHED: Final = {
    "the gate": ("pipeline_src/gate*.py",),
    "the reviewer": ("review",),
    "the workflows": (".github",),
}
_SHOWN_FILES: Final = 4


def _watched_code(head: Path, point: BaseCommit) -> list[ReviewNote]:
    """Return a note on each part of the watched code that the branch changes."""
    found = {part: app_versions.changed_files(head, point.commit, each) for part, each in _WATCHED.items()}
    notes = []
    for part, files in found.items():
        shown = ", ".join(map(code_span, files[:_SHOWN_FILES]))
        more = f" and {len(files) - _SHOWN_FILES} more" if len(files) > _SHOWN_FILES else ""
        wrote = ""
        if part == "the reviewer":
            own = head.resolve() in Path(__file__).resolve().parents
            wrote = "; this text was written by " + (
                "the changed reviewer itself" if own else "the reviewer of the base"
            )
        if files:
            notes.append(ReviewNote(f"code of {part} changes: {shown}{more}{wrote}", needs_attention=True))
    return notes


def _cost_remark(old: AppVersion, new: AppVersion, context: Mapping[str, str]) -> list[str]:
    """Return the line on costs; nothing where neither version has an estimate."""
    sides = [side for side in (old, new) if (side.place / cost_difference.MODULE_PATH).is_file()]
    if not sides:
        return []
    options = [word for key, value in context.items() for word in ("--context", f"{key}={value}")]
    texts = app_versions.run_in_versions(sides, [*cost_difference.COMMAND, *options])
    printed = {side.name: text for side, text in zip(sides, texts, strict=True)}
    none = f"{cost_difference.MODULE_PATH} is not there"
    return [cost_difference.cost_sentence(printed.get(old.name, none), printed.get(new.name, none))]


def _remarks(point: BaseCommit, old: AppVersion, new: AppVersion) -> list[str]:
    remarks = []
    if not old.has_app:
        remarks.append(f"The base has no {APP} yet, so everything here is an addition.")
    if not point.is_ancestor:
        remarks.append("The branch and its base have no common history; their current states are compared.")
    locks = [
        (side.place / _LOCK_FILE).read_bytes() if (side.place / _LOCK_FILE).is_file() else b"" for side in (old, new)
    ]
    if old.has_app and locks[0] != locks[1]:
        remarks.append(
            f"{_LOCK_FILE} differs. Both sides were synthesized with the libraries installed here, "
            "so changes that come from the libraries themselves are not shown."
        )
    return remarks


def _parse_context(pairs: tuple[str, ...]) -> dict[str, str]:
    parsed = [pair.partition("=") for pair in pairs]
    for key, equals, _ in parsed:
        if not (key and equals):
            raise UsageError(f"--context {key!r}: expected KEY=VALUE, for example --context name=skin-lesion.")
    return {key: value for key, _, value in parsed}


def _write_file(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.part")
    try:
        partial.write_text(text)
        partial.replace(path)
    except OSError as error:
        _fail(UsageError(f"--output {str(path)!r}: {error.strerror}. Choose a writable file."))


def _stop(*_: object) -> NoReturn:
    # A second signal must not interrupt the removal of the worktree.
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise StoppedError("stopped by a signal")


def _fail(error: ReviewError) -> NoReturn:
    click.echo(f"error: {error}", err=True)
    sys.exit(error.exit_code)


if __name__ == "__main__":
    main(prog_name="python -m review")
