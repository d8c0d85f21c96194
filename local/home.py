# SPDX-License-Identifier: MIT-0
"""Where the local runner keeps things: ``.local`` unless told otherwise."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Home:
    """The folder of all runs, buckets and model packages."""

    root: Path

    @property
    def s3(self) -> Path:
        """Buckets: ``s3/<bucket>/<key>``."""
        return self.root / "s3"

    @property
    def runs(self) -> Path:
        """Executions: ``runs/<id>/execution.json`` and a folder for each step; ``runs/latest`` is the newest."""
        return self.root / "runs"

    @property
    def registry(self) -> Path:
        """Model packages: ``registry/<group>/<version>.json``."""
        return self.root / "registry"
