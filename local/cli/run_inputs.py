# SPDX-License-Identifier: MIT-0
"""The archives of a run: files named by options, or stored objects named by parameters.

Also creates the object that stands for "no champion" and the like; on AWS the deployment creates it.
"""

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from local import json_files
from local.aws import archive_upload
from local.aws.s3_store import S3Store
from local.command_hints import program_command
from local.errors import UsageError
from local.json_files import TEMPORARY_PREFIX, Json, JsonObject
from pipeline_src import contract
from pipeline_src.definition.pipeline_deployment import OFFLINE_DEPLOYMENT

_BASE: Final = contract.INPUT_ARCHIVE_PARAMETER
_ADDITION: Final = contract.ADDITIONAL_ARCHIVE_PARAMETER
_OPTIONS: Final = {_BASE: "--archive", _ADDITION: "--add"}
_KINDS: Final = {_BASE: archive_upload.BASE_ARCHIVE, _ADDITION: archive_upload.ADDITIONAL_ARCHIVE}
_PREFIXES: Final = {_BASE: contract.ARCHIVES_PREFIX, _ADDITION: contract.ADDITIONS_PREFIX}


@dataclass(frozen=True)
class RunInputs:
    """Archive files, by the parameter that names the stored object."""

    files: Mapping[str, Path]

    def check(self, typed: Mapping[str, str], *, needs_base: bool) -> None:
        """Check the archives of a run with the parameters `typed`.

        Args:
            typed: Parameters that the user gave.
            needs_base: Whether the run needs a base archive.

        Raises:
            UsageError: A file is not a ZIP file, an archive is named twice, or there is no base archive.
        """
        if needs_base and not {_BASE} & {*self.files, *typed}:
            raise UsageError(
                "no archive. Give --archive PATH (HAM10000's dataverse_files.zip), or make one: "
                f"{program_command()} sample archive.zip"
            )
        for name, path in self.files.items():
            option = _OPTIONS[name]
            if name in typed:
                raise UsageError(
                    f"{option} and --parameter {name}: both name the {_KINDS[name].name}. Give one of them."
                )
            archive_upload.check_zip_archive(path, _KINDS[name])

    def values(self, values: Mapping[str, Json], store: S3Store, console: Console, *, quiet: bool) -> dict[str, Json]:
        """Store the files and return the values of the parameters that name them.

        Args:
            values: Values of all parameters.
            store: Receives the archives.
            console: Shows the progress.
            quiet: Whether to show no progress.

        Raises:
            UsageError: The definition has no such parameter, or it names an object that does not exist.
        """
        for name in self.files.keys() - values.keys():
            raise UsageError(f"{_OPTIONS[name]}: this definition has no parameter {name!r}. Leave the option out.")
        if _BASE in values and _BASE not in self.files:
            _require_object(_BASE, str(values[_BASE]), store, "Give --archive PATH.")
        return {name: _store_archive(name, path, store, console, quiet=quiet) for name, path in self.files.items()}


def inputs_from_options(base: Path | None, addition: Path | None) -> RunInputs:
    """Return the archives that the options name."""
    return RunInputs({name: path for name, path in {_BASE: base, _ADDITION: addition}.items() if path is not None})


def _require_object(parameter: str, uri: str, store: S3Store, remedy: str) -> None:
    if not store.size(uri)[0]:
        raise UsageError(f"parameter {parameter!r}: {uri}: no such object ({store.path(uri)}). {remedy}")


def _store_archive(name: str, path: Path, store: S3Store, console: Console, *, quiet: bool) -> str:
    if path.is_dir():
        room = store.path(f"s3://{OFFLINE_DEPLOYMENT.raw_bucket}/{_PREFIXES[name]}")
        room.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=room, prefix=TEMPORARY_PREFIX) as folder:
            packed = Path(folder) / f"{path.name}.zip"
            archive_upload.pack_folder(path, packed)
            return _store_archive(name, packed, store, console, quiet=quiet)
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


# The parameters whose default is that object, and the remedy where they name another one that does not exist.
_REMEDIES: Final = {
    contract.CHAMPION_PREDICTIONS_PARAMETER: "Use those of another run.",
    contract.ADDITIONAL_ARCHIVE_PARAMETER: "Give --add PATH.",
    contract.STARTING_MODEL_PARAMETER: "Give --warm-start ID.",
    contract.STARTING_MANIFEST_PARAMETER: "Give --warm-start ID.",
}


def ensure_parameter_objects(values: Mapping[str, Json], declarations: Iterable[JsonObject], store: S3Store) -> None:
    """Check that the objects exist which those parameters name; the default object is created.

    Raises:
        UsageError: Another object is named and does not exist.
    """
    defaults = {str(each["Name"]): each.get("DefaultValue") for each in declarations}
    for name, remedy in _REMEDIES.items():
        uri = values.get(name)
        if uri is not None and uri != defaults.get(name):
            _require_object(name, str(uri), store, remedy)
        elif uri is not None and not store.size(str(uri))[0]:
            json_files.write_file_atomically(store.path(str(uri)), contract.ABSENT_OBJECT.encode())
