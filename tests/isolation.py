# SPDX-License-Identifier: MIT-0
"""Runs a command without a network, on a machine that lets a user make a namespace for it."""

import functools
import shutil
import subprocess

NAMESPACE = ("unshare", "--user", "--map-root-user", "--net")


@functools.cache
def can_isolate() -> bool:
    """Tell whether this machine does: hosts of builds are among those that may not."""
    if shutil.which(NAMESPACE[0]) is None:
        return False
    return subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode == 0


def prefix() -> tuple[str, ...]:
    """Return what to put before a command: nothing where it keeps the network, so that the test has to say so."""
    return NAMESPACE if can_isolate() else ()
