# SPDX-License-Identifier: MIT-0
"""The definition needs no account, no credentials, no network, and is the same wherever it is rendered."""

import dataclasses
import json
import logging
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from pipeline_src.algorithms.algorithm_table import DEFAULT_ALGORITHM
from pipeline_src.definition.pipeline import definition_json
from pipeline_src.definition.pipeline_deployment import OFFLINE_DEPLOYMENT, placeholder_deployment, sdk_offline

ROOT = Path(__file__).parent.parent.parent
GOLDEN = Path(__file__).parent / "golden" / f"{DEFAULT_ALGORITHM}.json"
# Each attempt at a name or an address is written down, as the SDK swallows what goes wrong with it.
WATCHED = """
import runpy, socket, sys, threading
attempts = []
def refuse(*arguments, **_):
    attempts.append(arguments)
    raise OSError("no network here")
socket.getaddrinfo = socket.gethostbyname = socket.create_connection = refuse
socket.socket.connect = socket.socket.connect_ex = socket.socket.sendto = refuse
runpy.run_module("pipeline_src.definition.pipeline", run_name="__main__")
for thread in threading.enumerate():
    if thread is not threading.current_thread():
        thread.join(5)
sys.exit(f"network: {attempts}" if attempts else 0)
"""


@dataclasses.dataclass(frozen=True)
class Rendering:
    """`python -m pipeline_src.definition.pipeline` in another process, with every socket refused."""

    home: Path
    process: "subprocess.CompletedProcess[str]"


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Rendering:
    """The definition as somebody gets it whose AWS profile is mistyped and whose AWS files do not parse."""
    home = tmp_path_factory.mktemp("home")
    (home / ".aws").mkdir()
    for name in ("config", "credentials"):
        (home / ".aws" / name).write_text("region: us-east-1", encoding="utf-8")
    environment = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "PYTHONHASHSEED": "1",
        "AWS_PROFILE": "mistyped",
    }
    command = [sys.executable, "-c", WATCHED]
    run = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=False)
    return Rendering(home, run)


def test_it_renders_without_account_or_network(elsewhere: Rendering) -> None:
    assert elsewhere.process.returncode == 0, elsewhere.process.stderr


def test_it_leaves_nothing_behind(elsewhere: Rendering) -> None:
    assert [path.name for path in elsewhere.home.iterdir()] == [".aws"]


def test_it_leaves_nothing_behind_where_the_sdk_would_work() -> None:
    work = Path("/tmp/sagemaker/model-builder")
    before = set(work.glob("*"))
    definition_json(OFFLINE_DEPLOYMENT)
    assert set(work.glob("*")) == before


def test_it_is_printed_the_same_byte_for_byte_in_another_process(elsewhere: Rendering) -> None:
    assert elsewhere.process.stdout == GOLDEN.read_text(encoding="utf-8")


def test_nothing_else_is_printed(elsewhere: Rendering) -> None:
    assert elsewhere.process.stderr == ""


def test_it_is_the_same_byte_for_byte_the_second_time(rendered: str) -> None:
    assert definition_json(OFFLINE_DEPLOYMENT) == rendered


def test_importing_the_module_does_not_import_the_sdk() -> None:
    """The commands of the local runner that need no definition stay quick."""
    code = "import sys, pipeline_src.definition.pipeline; sys.exit(not {'sagemaker', 'boto3'}.isdisjoint(sys.modules))"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


def test_the_environment_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.delenv("SAGEMAKER_VALIDATE_ROLE", raising=False)
    before, muted, filters = dict(os.environ), logging.root.manager.disable, list(warnings.filters)
    with pytest.raises(ZeroDivisionError), sdk_offline():
        1 / {"us-east-1": 0}[os.environ["AWS_DEFAULT_REGION"]]
    assert (dict(os.environ), logging.root.manager.disable, list(warnings.filters)) == (before, muted, filters)


def test_a_deployment_whose_values_are_cdk_tokens_renders_with_them(rendered: str) -> None:
    plain = placeholder_deployment(OFFLINE_DEPLOYMENT)
    names = [
        name for name, value in dataclasses.asdict(plain).items() if isinstance(value, str) and "stand-in" in value
    ]
    tokens = {name: f"${{Token[TOKEN.{number}]}}" for number, name in enumerate(names, 100)}
    tags = {"project": "${Token[TOKEN.99]}", "owner": 'a "quoted" owner'}
    text = definition_json(dataclasses.replace(OFFLINE_DEPLOYMENT, **tokens, tags=tags))
    document = json.loads(text)
    assert all(token in text for token in [*tokens.values(), tags["project"]])
    assert "stand-in" not in text
    # No value of the sample deployment is left either; its region is in no place.
    assert not [
        name
        for name in names
        if getattr(OFFLINE_DEPLOYMENT, name) in text and name not in ("pipeline_name", "model_package_group")
    ]
    assert document["Steps"][1]["Arguments"]["Tags"][1:] == [
        {"Key": key, "Value": value} for key, value in tags.items()
    ]
    assert [step["Name"] for step in document["Steps"]] == [step["Name"] for step in json.loads(rendered)["Steps"]]
