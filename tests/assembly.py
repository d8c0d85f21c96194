# SPDX-License-Identifier: MIT-0
"""Synthesizes the application for tests: the settings that ship, with everything switched on."""

import fcntl
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from aws_cdk import App

from app import build
from stacks.settings.settings_context import settings_from_context
from stacks.settings.settings_validation import validate_settings

Assembled = Callable[[Mapping[str, Any]], Path]
ROOT: Final = Path(__file__).parent.parent
FLAGS: Final = json.loads((ROOT / "cdk.json").read_text())["context"]
CONNECTED: Final = {
    "source.repository": "someone/skin-lesion-mlops",
    "retraining.schedule": "rate(30 days)",
    "notification.address": "someone@example.org",
    "monitor.retrain": "true",
    "network.vpc": "vpc-0123456789abcdef0",
    "network.subnets": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
    "network.security_groups": "sg-0123456789abcdef0",
}


def application(folder: Path, context: Mapping[str, Any]) -> App:
    """Return the application with `context`, which will be synthesized into `folder`."""
    # A test's App does not read cdk.json, so it is given the feature flags.
    app = App(context=FLAGS, outdir=str(folder), analytics_reporting=False)
    build(app, validate_settings(settings_from_context(context)))
    return app


def synthesized(folder: Path, context: Mapping[str, Any]) -> Path:
    """Synthesize the application with `context` into `folder` and return it."""
    application(folder, context).synth()
    return folder


def shared_assembly(root: Path, context: Mapping[str, Any]) -> Path:
    """Return the folder of the assembly with `context` below `root`, synthesized by the first process that asks."""
    key = hashlib.sha256(json.dumps(dict(context), sort_keys=True).encode()).hexdigest()[:16]
    folder, making = root / key, root / f"{key}.part"
    root.mkdir(exist_ok=True)
    with (root / f"{key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            shutil.rmtree(making, ignore_errors=True)
            synthesized(making, context).rename(folder)
    return folder


def templates_in(folder: Path) -> dict[str, dict[str, Any]]:
    """Return every template of an assembly by its name, such as Storage, nested ones too.

    One that is of an account and a region, which the manifest knows and the template does not, is given a note of it.
    """
    found = sorted(folder.rglob("*.template.json"))
    read = {path.name.removesuffix(".template.json"): json.loads(path.read_text()) for path in found}
    for name, environment in _environments(folder):
        read[name]["Metadata"] = {"Environment": environment}
    return read


def _environments(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the name of each template that is of an account and a region, and "account/region"."""
    artifacts = json.loads((folder / "manifest.json").read_text())["artifacts"].values()
    for each in artifacts:
        if each["type"] == "aws:cloudformation:stack" and "unknown" not in each["environment"]:
            file = each["properties"]["templateFile"]
            yield file.removesuffix(".template.json"), each["environment"].removeprefix("aws://")
