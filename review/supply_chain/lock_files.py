# SPDX-License-Identifier: MIT-0
"""Finds the lock files of a repository and reads what they pin.

A lock file for several platforms and Python versions may pin a package more than once; every pin is read, whichever
machine this is.
Sources: pip's requirements file format; npm's documentation, package-lock.json, `packages`.
"""

import json
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from review.errors import UsageError

NODE_LOCK: Final = "package-lock.json"
_PATTERNS: Final = ("*requirements*.txt", "*.lock", f"*{NODE_LOCK}")
_PIN: Final = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(\[[^\]]*\])?==(?P<version>[^\s;\\]+)", re.MULTILINE)
_MODULES: Final = "node_modules/"


class Pin(NamedTuple):
    """A package in one version; the name is in lower case with hyphens."""

    name: str
    version: str


@dataclass(frozen=True)
class LockFile:
    """A lock file.

    Attributes:
        path: Its path in the repository.
        pins: What it pins, each once.
        licences: The licences that it states itself, by package; those of npm do.
    """

    path: str
    pins: tuple[Pin, ...]
    licences: dict[str, str] = field(default_factory=dict)

    @property
    def is_node(self) -> bool:
        """Whether npm reads it."""
        return self.path.endswith(NODE_LOCK)


def canonical_name(name: str) -> str:
    """Return the name of a Python package as PEP 503 normalizes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def find_lock_files(root: Path) -> list[LockFile]:
    """Return the lock files of the repository at `root`, tracked or new, in the order of their paths.

    Raises:
        UsageError: It is no repository.
    """
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", *_PATTERNS]
    found = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if found.returncode:
        raise UsageError(f"{root}: {found.stderr.strip()}. Run it in a clone of the repository.")
    paths = sorted(path for path in set(found.stdout.split("\0")) if path and (root / path).is_file())
    return [read_lock_file(path, (root / path).read_text(encoding="utf-8")) for path in paths]


def read_lock_file(path: str, text: str) -> LockFile:
    """Return the lock file with that text; one in a format that is not known pins nothing."""
    if not path.endswith(NODE_LOCK):
        pins = {Pin(canonical_name(found["name"]), found["version"]) for found in _PIN.finditer(text)}
        return LockFile(path, tuple(sorted(pins)))
    packages = json.loads(text).get("packages", {})
    named = [(place.rpartition(_MODULES)[2], each) for place, each in packages.items() if _MODULES in place]
    pins = {Pin(name, each["version"]) for name, each in named}
    return LockFile(path, tuple(sorted(pins)), {name: each.get("license", "") for name, each in named})
