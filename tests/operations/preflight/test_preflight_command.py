# SPDX-License-Identifier: MIT-0
"""`preflight` as somebody types it and reads it: a table in a terminal, a line for each finding elsewhere."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from operations.__main__ import main
from operations.first_run import aws_beliefs
from operations.preflight.preflight_check import PreflightFinding, PreflightVerdict
from operations.preflight.preflight_run import PreflightResult
from pipeline_src.algorithms.algorithm_table import DEFAULT_ALGORITHM, find_algorithm
from tests.operations.preflight import sample
from tests.operations.preflight.sample import READY, told
from tests.operations.service import Services
from tests.operations.shell import run


def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str = READY, region: str = "us-east-1") -> Result:
    """Type the command on a machine without any credentials, whose builder does as the script `said`."""
    sample.builder(tmp_path, said, "tool")
    monkeypatch.setenv("CDK_DOCKER", str(tmp_path / "tool"))
    monkeypatch.setenv("BUILDAH_FORMAT", "docker")
    return CliRunner().invoke(main, [*(["--region", region] if region else []), "preflight"])


def test_without_credentials_what_is_on_this_machine_is_looked_at_and_the_rest_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = typed(tmp_path, monkeypatch)
    lines = result.output.splitlines()
    assert [line.split("  ")[0] for line in lines[:5]] == ["ok"] * 5, result.output
    assert lines[5].startswith("not checked  credentials: AWS did not identify the credentials -> ")
    assert "Sign in (aws configure sso, then aws sso login) or set the keys" in lines[5]
    assert lines[6] == ("Not checked: bootstrap, connection, quota, bucket names.")
    assert lines[7:9] == ["5 ok, 1 not checked.", "Next: fix the problems and rerun: make preflight"]
    assert lines[9:] == [aws_beliefs.announce_beliefs(find_algorithm(DEFAULT_ALGORITHM), tuning=False, elsewhere=False)]
    assert result.exit_code == 2


def test_without_a_region_or_a_builder_it_is_the_same_and_what_failed_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = typed(tmp_path, monkeypatch, "exit 1", "")
    assert "not checked  region: no region is chosen -> export AWS_REGION=us-east-1\n" in result.output
    assert "Not checked: algorithm, resource types, credentials, bootstrap," in result.output
    assert result.exit_code == 1


def test_a_context_that_names_another_deployment_is_refused(aws: Services) -> None:
    result = run(aws, "preflight", "--context", "name=other")
    assert result.exit_code == 2
    assert "preflight: context 'name=other' is not the deployment 'skin-lesion'." in result.stderr


def test_in_a_terminal_there_is_a_table_and_below_it_what_to_do_in_unbroken_lines() -> None:
    remedy = "run this " * 20
    found = [
        PreflightFinding(PreflightVerdict.FAILED, "it [is] bad " * 12, remedy),
        PreflightFinding(PreflightVerdict.OK, "it is well"),
    ]
    written = told(PreflightResult({"quota": found, "region": [found[1]]}, ()), terminal=True)
    assert "check   found" in written
    assert "it [is] bad it [is] bad" in written
    assert max(len(line) for line in written.splitlines() if "it [is]" in line) <= 100
    assert f"- quota: {remedy}\n" in written
    assert written.count("- ") == 1


def test_elsewhere_each_finding_is_one_line_with_its_remedy() -> None:
    found = [PreflightFinding(PreflightVerdict.UNKNOWN, "long " * 30, "Do that.")]
    first = told(PreflightResult({"quota": found}, ())).splitlines()[0]
    assert first == f"not checked  quota: {'long ' * 30} -> Do that."
