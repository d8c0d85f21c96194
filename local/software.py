# SPDX-License-Identifier: MIT-0
"""A digest of the code that a job runs, in place of the image digest that a plain process lacks."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_LOCK: Final = "containers/preprocessing/requirements.txt"
_SOURCES: Final = {
    "preprocessing": (
        "pipeline_src/jobs",
        "pipeline_src/lesions",
        "pipeline_src/contract.py",
        "pipeline_src/floor.py",
        "pipeline_src/requirement.py",
        "pipeline_src/gate.py",
        _LOCK,
    ),
    "algorithm": ("local/algorithm", "pipeline_src/contract.py", _LOCK),
}


def digest(repository: Path, software: str) -> str:
    """Return a SHA-256 over names and bytes of all that `software` is made of.

    Args:
        repository: Folder of the sources.
        software: ``preprocessing`` or ``algorithm``.
    """
    return digest_of(repository, _SOURCES[software])


def digest_of(repository: Path, sources: Iterable[str]) -> str:
    """Return a SHA-256 over names and bytes of the files and folders `sources`; a missing one counts as empty."""
    total = hashlib.sha256()
    for source in sources:
        for path in _files(repository / source):
            content = path.read_bytes()
            total.update(f"{path.relative_to(repository).as_posix()}\0{len(content)}\0".encode() + content)
    return total.hexdigest()


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    return sorted(path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
