# SPDX-License-Identifier: MIT-0
"""The archives that a run starts from: files that the command line names, or objects that parameters name.

The object that says that there is no champion, or no additional archive: on AWS the deployment brings it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from local import json_files
from local.aws import archive_upload
from local.aws.s3_store import S3Store
from local.errors import UsageError
from local.json_files import Json, JsonObject
from pipeline_src import contract
from pipeline_src.definition.pipeline_deployment import OFFLINE_DEPLOYMENT

_BASE: Final = contract.INPUT_ARCHIVE_PARAMETER
_ADDITION: Final = contract.ADDITIONAL_ARCHIVE_PARAMETER
_OPTIONS: Final = {_BASE: "--archive", _ADDITION: "--add"}
_KINDS: Final = {_BASE: archive_upload.BASE_ARCHIVE, _ADDITION: archive_upload.ADDITIONAL_ARCHIVE}
_PREFIXES: Final = {_BASE: contract.ARCHIVES_PREFIX, _ADDITION: contract.ADDITIONS_PREFIX}


@dataclass(frozen=True)
class RunInputs:
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
            archive_upload.check_zip_archive(path, _KINDS[name])

    def values(self, values: Mapping[str, Json], store: S3Store, console: Console, *, quiet: bool) -> dict[str, Json]:
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
        return {name: _store_archive(name, path, store, console, quiet=quiet) for name, path in self.files.items()}


def inputs_from_options(base: Path | None, addition: Path | None) -> RunInputs:
    """Return what the options name; None is what was not given."""
    return RunInputs({name: path for name, path in {_BASE: base, _ADDITION: addition}.items() if path is not None})


def _check_stored(uri: str, store: S3Store) -> None:
    if not store.size(uri)[0]:
        raise UsageError(f"parameter {_BASE!r}: {uri}: no object there ({store.path(uri)}). Give --archive PATH.")


def _store_archive(name: str, path: Path, store: S3Store, console: Console, *, quiet: bool) -> str:
    shown = Progress(
        TextColumn("Hashing {task.description}"), BarColumn(), DownloadColumn(), console=console, transient=True
    )
    shown.disable = quiet or not console.is_terminal
    with shown:
        task = shown.add_task(path.name, total=path.stat().st_size)

        def progress(done: int, _total: int) -> None:
            shown.update(task, completed=done)

        return archive_upload.store_archive(
            path, f"{OFFLINE_DEPLOYMENT.raw_bucket}/{_PREFIXES[name]}", store, progress=progress
        )


# Parameters that name it until they name something else, and how to name that.
_REMEDIES: Final = {
    contract.CHAMPION_PREDICTIONS_PARAMETER: "Name another run's.",
    contract.ADDITIONAL_ARCHIVE_PARAMETER: "Give --add PATH.",
}


def ensure_parameter_objects(values: Mapping[str, Json], declarations: Iterable[JsonObject], store: S3Store) -> None:
    """See to it that the objects are there which those parameters name; where it is their own default, it is made.

    Raises:
        UsageError: another object is named, and is not there.
    """
    defaults = {str(each["Name"]): each.get("DefaultValue") for each in declarations}
    for name, remedy in _REMEDIES.items():
        uri = values.get(name)
        if uri is None or store.size(str(uri))[0]:
            continue
        if uri != defaults.get(name):
            raise UsageError(f"parameter {name!r}: {uri}: no object there ({store.path(str(uri))}). {remedy}")
        json_files.write_file_atomically(store.path(str(uri)), contract.ABSENT_OBJECT.encode())
