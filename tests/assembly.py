# SPDX-License-Identifier: MIT-0
"""Synthesizes the application for tests: the settings that ship, with everything switched on."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from aws_cdk import App

from app import build
from stacks.settings.settings_context import settings_from_context
from stacks.settings.settings_validation import validate_settings

ROOT: Final = Path(__file__).parent.parent
# `cdk synth --strict` validates once, in tests/proof/test_synthesis.py; here each synth would take 3 s for it.
FLAGS: Final = json.loads((ROOT / "cdk.json").read_text())["context"] | {
    "@aws-cdk/core:validateAgainstDefaultRules": False
}
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
