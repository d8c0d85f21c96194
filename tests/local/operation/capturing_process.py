# SPDX-License-Identifier: MIT-0
"""A capturing proxy in a process of its own: ``python capturing_process.py UPSTREAM ROOT``."""

import sys
import threading
from pathlib import Path

from local.aws.data_capture import CaptureRecorder
from local.aws.s3_store import S3Store
from local.console.command_frame import stop_on_signals
from local.endpoint.capture_proxy import run_capture_proxy


def main(upstream: int, root: Path) -> None:
    """Print the port, and serve until SIGINT or SIGTERM."""
    stop = threading.Event()
    with (
        stop_on_signals(stop.set),
        CaptureRecorder("here", S3Store(root), sys.exit) as recorder,
        run_capture_proxy(upstream, 0, recorder) as port,
    ):
        print(port, flush=True)  # noqa: T201  stdout is what is read
        while not stop.wait(0.1):
            pass


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
