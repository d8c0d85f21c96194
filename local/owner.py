# SPDX-License-Identifier: MIT-0
"""Which process runs an execution, told from a later process of the same number by the time it started."""

import os
from pathlib import Path

from local.document import Object


def this_process() -> Object:
    """Return what is kept of this process."""
    return {"Pid": os.getpid(), "Started": _started(os.getpid())}


def is_alive(process: Object) -> bool:
    """Return whether the process that `process` was kept of still runs."""
    return process["Started"] is not None and _started(process["Pid"]) == process["Started"]


def _started(pid: int) -> str | None:
    """Return the process's start time in the kernel's ticks since boot, with the boot's own id."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        ticks = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except OSError:
        return None
    return f"{boot}/{ticks}"
