# SPDX-License-Identifier: MIT-0
"""Reads and writes JSON files, and looks up JSON paths. Files are written atomically."""

import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any, Final, TypeAlias

Json: TypeAlias = Any  # the result of json.loads; checked by the shapes of arguments
JsonObject: TypeAlias = dict[str, Json]

TEMPORARY_PREFIX: Final = ".aside-"  # of the names of files that are being written
_TOKEN: Final = re.compile(r"\.?(?P<name>[^.\[\]]+)|\[(?P<index>\d+)\]|\[(?P<quote>['\"])(?P<key>.*?)(?P=quote)\]")

# The fields by which a path may name an element of a list: Outputs['train'] is the one with that OutputName.
_NAME_FIELDS: Final = ("OutputName", "InputName", "ChannelName", "ContainerHostname", "Name")


def parse_json_path(path: str) -> list[str | int]:
    """Return the names and indices of a property path or JSON path.

    Args:
        path: For example ``Outputs['train'].S3Output.S3Uri``, ``a.b[0]`` or ``$.a``.

    Raises:
        ValueError: `path` is not valid.
    """
    text = path.removeprefix("$")
    parts: list[str | int] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"{path!r} is not a valid path at {text[position:]!r}")
        index = match["index"]
        parts.append(int(index) if index is not None else match["name"] or match["key"] or "")
        position = match.end()
    if not parts:
        raise ValueError(f"{path!r} is an empty path")
    return parts


def look_up_json_path(document: Json, path: str) -> Json:
    """Return the value at `path` of `document`.

    Raises:
        KeyError: There is no value; the message names the missing part and the existing ones.
        ValueError: `path` is not valid.
    """
    value = document
    for part in parse_json_path(path):
        value = _child(value, part)
    return value


def _child(value: Json, part: str | int) -> Json:
    if isinstance(value, list):
        if isinstance(part, int):
            if part < len(value):
                return value[part]
            raise KeyError(f"no element {part} (there are {len(value)})")
        for field in _NAME_FIELDS:
            for item in value:
                if isinstance(item, dict) and item.get(field) == part:
                    return item
        names = [item[f] for item in value if isinstance(item, dict) for f in _NAME_FIELDS if f in item]
        raise KeyError(f"no {part!r} (there: {', '.join(map(str, names)) or 'nothing'})")
    if isinstance(value, dict):
        if str(part) in value:
            return value[str(part)]
        raise KeyError(f"no {part!r} (there: {', '.join(value) or 'nothing'})")
    raise KeyError(f"no {part!r} (there is the value {value!r})")


def canonical_json(document: Json) -> str:
    """Return `document` as JSON text, the same for equal documents."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def write_json(path: Path, document: Json) -> None:
    """Write `document` to `path` atomically."""
    write_file_atomically(path, (json.dumps(document, indent=2) + "\n").encode())


def write_file_atomically(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Write `content` to a temporary file and rename it to `path`.

    Args:
        path: The file; its folders are made where they are missing.
        content: What it holds.
        durable: Whether file and name are on the disk on return, so that a loss of power leaves them there.
    """
    made = [folder for folder in path.parents if not folder.exists()] if durable else []
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    if durable:
        for folder in (path.parent, *(each.parent for each in made)):
            _synchronize_folder(folder)


def _synchronize_folder(folder: Path) -> None:
    """Write the names in `folder` to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_json(path: Path) -> Json:
    """Return the JSON document in file `path`."""
    return json.loads(path.read_text(encoding="utf-8"))
