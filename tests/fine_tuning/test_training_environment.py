# SPDX-License-Identifier: MIT-0
"""The environment of the trainings holds what its lock file says, and a PyTorch that several hosts can train with."""

import importlib.metadata
import re
from pathlib import Path

import torch

LOCK = Path(__file__).parents[2] / "containers/fine_tuning/requirements.txt"


def test_every_package_has_the_locked_version() -> None:
    """A build of PyTorch for CPUs alone names itself behind a plus sign."""
    locked = dict(re.findall(r"^([a-z0-9-]+)==(\S+) \\$", LOCK.read_text(), re.MULTILINE))
    assert {"torch", "numpy", "onnx"} <= locked.keys()
    assert {name: importlib.metadata.version(name).partition("+")[0] for name in locked} == locked


def test_gradients_can_be_exchanged_without_a_gpu() -> None:
    assert torch.distributed.is_available()
    assert torch.distributed.is_gloo_available()
