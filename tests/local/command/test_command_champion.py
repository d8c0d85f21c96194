# SPDX-License-Identifier: MIT-0
"""``run --champion``: the approved model with which a run compares its own."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.aws.model_registry import ModelRegistry
from local.aws.pipeline_executions import ExecutionIdentity, ExecutionRecord
from local.aws.s3_store import LocalHome
from local.cli import champion_selection
from local.cli.champion_selection import Champion
from local.errors import UsageError
from pipeline_src import contract
from tests.local.command.small import NOBODY, Shell

PREFIX = "arn:aws:sagemaker:us-east-1:000000000000"
DECLARED = set(champion_selection.CHAMPION_PARAMETERS)


def ran(
    home: LocalHome,
    name: str,
    profile: str = "demo",
    status: str | None = "Approved",
    when: str = "2026-01-01T00:00:00.000+00:00",
    **package: Any,
) -> str:
    """Leave a run that registered a package and predictions, decided upon unless `status` is None; return its ARN."""
    record = ExecutionRecord.create(home.runs, ExecutionIdentity(name, "p"), {}, {"Profile": profile})
    report = f"s3://runs/{name}/report.html"
    metadata = {"report": report, **package.pop("CustomerMetadataProperties", {})}
    arguments = {"ModelPackageGroupName": "g", "CustomerMetadataProperties": metadata, **package}
    arn = str(ModelRegistry(home.registry).create(arguments, PREFIX)["ModelPackageArn"])
    record.start("Register", "RegisterModel")
    record.finish("Register", "Succeeded", Metadata={"RegisterModel": {"Arn": arn}})
    record.end("Succeeded")
    predictions = home.s3 / f"runs/{name}/{contract.PREDICTIONS_FILE}"
    predictions.parent.mkdir(parents=True, exist_ok=True)
    predictions.touch()
    if status:
        decide(home, arn, status, when)
    return arn


def decide(home: LocalHome, arn: str, status: str, when: str) -> None:
    ModelRegistry(home.registry).decide(arn, status, "because")
    path = home.registry / "g" / f"{arn.rpartition('/')[2]}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"LastModifiedTime": when}))


def chosen(home: LocalHome, wanted: str = champion_selection.AUTO_CHAMPION) -> Champion | None:
    return champion_selection.select_champion(wanted, "demo", {}, DECLARED, home)


def test_auto_is_the_model_that_was_approved_last_not_the_newest_run(home: Path) -> None:
    at = LocalHome(home)
    first, second = ran(at, "aaaaaaaaaaaa", status=None), ran(at, "bbbbbbbbbbbb")
    assert chosen(at) == Champion(second, f"s3://runs/bbbbbbbbbbbb/{contract.PREDICTIONS_FILE}")
    decide(at, first, "Approved", "2026-02-01T00:00:00.000+00:00")
    assert chosen(at) == Champion(first, f"s3://runs/aaaaaaaaaaaa/{contract.PREDICTIONS_FILE}")


def test_auto_passes_over_other_profiles_rejected_undecided_and_lost_models(home: Path) -> None:
    at = LocalHome(home)
    ran(at, "aaaaaaaaaaaa", profile="default")
    ran(at, "bbbbbbbbbbbb", status="Rejected")
    ran(at, "cccccccccccc", status=None)
    ran(at, "dddddddddddd")
    (at.s3 / f"runs/dddddddddddd/{contract.PREDICTIONS_FILE}").unlink()
    gone = ran(at, "eeeeeeeeeeee")
    (at.registry / "g" / f"{gone.rpartition('/')[2]}.json").unlink()
    assert chosen(at) is None


def test_a_run_can_be_named_whatever_its_profile_and_approval(home: Path) -> None:
    at = LocalHome(home)
    arn = ran(at, "aaaaaaaaaaaa", profile="default", status=None)
    assert chosen(at, "aaa") == Champion(arn, f"s3://runs/aaaaaaaaaaaa/{contract.PREDICTIONS_FILE}")
    (at.s3 / f"runs/aaaaaaaaaaaa/{contract.PREDICTIONS_FILE}").unlink()
    with pytest.raises(UsageError, match=r"--champion aaaaaaaaaaaa: s3://.*its predictions do not exist"):
        chosen(at, "aaa")


def test_none_is_none_and_what_was_typed_goes_before_auto(home: Path) -> None:
    at = LocalHome(home)
    ran(at, "aaaaaaaaaaaa")
    switched_off = champion_selection.champion_parameter_values(chosen(at, champion_selection.NO_CHAMPION), DECLARED)
    assert switched_off == {contract.CHAMPION_PACKAGE_PARAMETER: contract.NO_COMPARISON}
    assert (
        champion_selection.select_champion(
            champion_selection.AUTO_CHAMPION, "demo", {contract.CHAMPION_PACKAGE_PARAMETER: "x"}, DECLARED, at
        )
        is None
    )
    with pytest.raises(UsageError, match="both name the champion"):
        champion_selection.select_champion("aaa", "demo", {contract.CHAMPION_PACKAGE_PARAMETER: "x"}, DECLARED, at)


def test_a_definition_without_the_parameter_is_run_without_a_champion_unless_one_is_asked_for(home: Path) -> None:
    at = LocalHome(home)
    ran(at, "aaaaaaaaaaaa")
    assert champion_selection.select_champion(champion_selection.AUTO_CHAMPION, "demo", {}, {"Epochs"}, at) is None
    with pytest.raises(UsageError, match="has no parameter 'ChampionPredictions'"):
        champion_selection.select_champion("aaa", "demo", {}, {"Epochs"}, at)


def test_the_loop_compares_with_nobody_until_a_model_is_approved_and_with_that_one_then(shell: Shell) -> None:
    assert shell.run("--quiet").exit_code == 0
    assert shell.parameter(contract.CHAMPION_PREDICTIONS_PARAMETER) == NOBODY
    assert (shell.home / "s3/local-runs/champion/none.json").read_text() == contract.ABSENT_OBJECT
    shell("approve", run := shell.run_id())
    result = shell.run()
    assert result.exit_code == 0, result.output
    assert "champion: arn:aws:sagemaker:us-east-1:000000000000:model-package/small/1" in result.stderr
    assert shell.parameter(contract.CHAMPION_PACKAGE_PARAMETER).endswith("model-package/small/1")
    assert (
        shell.parameter(contract.CHAMPION_PREDICTIONS_PARAMETER)
        == f"s3://runs/{run}/evaluate/evaluation/predictions.csv"
    )
    assert "ChampionP" not in result.stdout.partition("Gate")[0], "the summary's champion line says it shorter"


def test_what_somebody_put_in_the_place_of_no_champion_is_left_there(shell: Shell) -> None:
    path = shell.home / "s3/local-runs/champion/none.json"
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    assert shell.run("--quiet", "--until", "Preprocess").exit_code == 0
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--champion", "nosuchrun"], "run 'nosuchrun'"),
        (["--champion", "none", "--parameter", "ChampionPackage=x"], "both name the champion"),
        (["--parameter", "ChampionPredictions=s3://runs/gone.csv"], "s3://runs/gone.csv: no such object"),
    ],
)
def test_a_champion_that_is_not_there_is_exit_code_2_before_anything_runs(
    shell: Shell, arguments: list[str], said: str
) -> None:
    result = shell.run(*arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert not (shell.home / "runs").exists()
    assert not (shell.home / "s3/local-raw/archives").exists()
