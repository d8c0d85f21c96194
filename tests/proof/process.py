# SPDX-License-Identifier: MIT-0
"""Runs app.py as `cdk synth` does, with nothing around it: no network, no credentials, no home."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests import isolation
from tests.assembly import FLAGS, ROOT

# Where jsii keeps the CDK unpacked on Linux. With an empty home it would unpack it for ten seconds, into that home.
UNPACKED: Final = Path.home() / ".cache/aws/jsii/package-cache"


def synthesize(folder: Path, home: Path, context: Mapping[str, Any], *before: str) -> None:
    """Synthesize with `context` into `folder` in a process of its own, with the command `before` in front of it.

    Raises:
        RuntimeError: It did not; the message is what it said.
    """
    node = shutil.which("node")
    environment = {
        "PATH": f"{Path(node).parent if node else ''}:/usr/bin:/bin",
        "HOME": str(home),
        "CDK_OUTDIR": str(folder),
        "CDK_CONTEXT_JSON": json.dumps({**FLAGS, **context}),
        "TMPDIR": str(home),
        **isolation.NO_VALIDATION,
    }
    if UNPACKED.is_dir():
        environment["JSII_RUNTIME_PACKAGE_CACHE_ROOT"] = str(UNPACKED)
    command = [*before, sys.executable, str(ROOT / "app.py")]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit status {run.returncode}\n{run.stderr[-2000:]}")


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file below `folder` by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
