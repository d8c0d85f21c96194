# SPDX-License-Identifier: MIT-0
"""The archives that a run starts from: files that the command line names, or objects that parameters name."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from local import archive
from local.document import Json
from local.error import UsageError
from local.store import Store
from pipeline_src import contract
from pipeline_src.pipeline import OFFLINE

_BASE: Final = contract.INPUT_ARCHIVE
_ADDITION: Final = contract.ADDITIONAL_ARCHIVE
_OPTIONS: Final = {_BASE: "--archive", _ADDITION: "--add"}
_KINDS: Final = {_BASE: archive.BASE, _ADDITION: archive.ADDITION}
_PREFIXES: Final = {_BASE: contract.ARCHIVES_PREFIX, _ADDITION: contract.ADDITIONS_PREFIX}


@dataclass(frozen=True)
class Intake:
    """Files by the parameter that will name them in the store."""

    files: Mapping[str, Path]

    def check(self, typed: Mapping[str, str]) -> None:
        """Refuse at once what cannot be the archives of a run for which parameters were `typed`.

        Raises:
            UsageError: a file is no zip, an archive is named twice, or the first is not named at all.
        """
        if not {_BASE} & {*self.files, *typed}:
            raise UsageError(
                "no archive. Give --archive PATH (HAM10000's dataverse_files.zip), or make one: python -m local sample."
            )
        for name, path in self.files.items():
            option = _OPTIONS[name]
            if name in typed:
                what = option.removeprefix("--") if name == _BASE else "additional archive"
                raise UsageError(f"{option} and --parameter {name}: both name the {what}. Give one of them.")
            archive.check(path, _KINDS[name])

    def values(self, values: Mapping[str, Json], store: Store, console: Console, *, quiet: bool) -> dict[str, Json]:
        """Put the files into the store and return the values of the parameters that name them there.

        Args:
            values: of the parameters otherwise.
            store: receives the archives.
            console: what progress is shown on.
            quiet: whether to show none.

        Raises:
            UsageError: there is no such parameter, or it names an object that is not there.
        """
        for name in self.files.keys() - values.keys():
            raise UsageError(f"{_OPTIONS[name]}: this definition has no parameter {name!r}. Leave the option out.")
        if _BASE in values and _BASE not in self.files:
            _check_stored(str(values[_BASE]), store)
        return {name: _stored(name, path, store, console, quiet=quiet) for name, path in self.files.items()}


def of(base: Path | None, addition: Path | None) -> Intake:
    """Return what the options name; None is what was not given."""
    return Intake({name: path for name, path in {_BASE: base, _ADDITION: addition}.items() if path is not None})


def _check_stored(uri: str, store: Store) -> None:
    if not store.size(uri)[0]:
        raise UsageError(f"parameter {_BASE!r}: {uri}: no object there ({store.path(uri)}). Give --archive PATH.")


def _stored(name: str, path: Path, store: Store, console: Console, *, quiet: bool) -> str:
    shown = Progress(
        TextColumn("Hashing {task.description}"), BarColumn(), DownloadColumn(), console=console, transient=True
    )
    shown.disable = quiet or not console.is_terminal
    with shown:
        task = shown.add_task(path.name, total=path.stat().st_size)

        def progress(done: int, _total: int) -> None:
            shown.update(task, completed=done)

        return archive.store(path, f"{OFFLINE.raw_bucket}/{_PREFIXES[name]}", store, progress=progress)
