# SPDX-License-Identifier: MIT-0
"""The server of ONNX models in a process of its own."""

import subprocess
from pathlib import Path

from tests.model_server_process import LOOPBACK, PATIENCE, Answer, Server, ready_server, start_module

__all__ = ["LOOPBACK", "MODULE", "PATIENCE", "Answer", "Server", "ready", "start"]

MODULE = "pipeline_src.algorithms.serving.onnx_server"


def start(root: Path, *arguments: str, log: int = subprocess.DEVNULL, **environment: str) -> "subprocess.Popen[str]":
    """Start a server; `log` is where its stderr goes, a pipe only where it is read."""
    return start_module((MODULE, *arguments), root, log, **environment)


def ready(process: "subprocess.Popen[str]") -> Server:
    return ready_server(process, "linear_probe")
