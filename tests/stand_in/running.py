# SPDX-License-Identifier: MIT-0
"""The stand-in's model server in a process of its own."""

import subprocess
from pathlib import Path

from pipeline_src import contract
from tests.model_server_process import Answer, Server, ready_server, start_module

__all__ = ["IMAGE", "Answer", "Server", "ready", "start"]

IMAGE = contract.IMAGE_CONTENT_TYPE


def start(root: Path, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    return start_module(("local.builtin_stand_in", "serve", *arguments), root, **environment)


def ready(process: "subprocess.Popen[str]") -> Server:
    return ready_server(process, r"image-classification-\d{4}")
