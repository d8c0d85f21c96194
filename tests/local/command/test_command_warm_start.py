# SPDX-License-Identifier: MIT-0
"""``run --warm-start``: the model whose weights Train starts from."""

from pathlib import Path

import pytest

from local.aws.s3_store import LocalHome
from local.cli import champion_selection, pipeline_run
from local.cli.champion_selection import AUTO_CHAMPION
from local.console import command_frame
from local.errors import UsageError
from local.json_files import Json
from pipeline_src import contract
from pipeline_src.algorithms.algorithm_table import find_algorithm
from tests.local.command.small import Shell
from tests.local.command.test_command_champion import ran

LATER = "2026-02-01T00:00:00.000+00:00"


def trained(
    home: LocalHome, name: str, algorithm: str = "fine_tuning", status: str | None = "Approved", when: str = LATER
) -> dict[str, Json]:
    """Leave a run with a registered model of `algorithm`; return the parameters that name it."""
    files = {"StartingModel": f"runs/{name}/model.tar.gz", "StartingManifest": f"runs/{name}/dataset/manifest.csv"}
    for key in files.values():
        (home.s3 / key).parent.mkdir(parents=True, exist_ok=True)
        (home.s3 / key).write_text("x")
    uris: dict[str, Json] = {parameter: f"s3://{key}" for parameter, key in files.items()}
    arn = ran(
        home,
        name,
        status=status,
        when=when,
        InferenceSpecification={"Containers": [{"Image": "image", "ModelDataUrl": uris["StartingModel"]}]},
        CustomerMetadataProperties={"algorithm": algorithm, "holdout": f"s3://runs/{name}/holdout"},
    )
    return {**uris, "StartingPackage": arn}


def start(home: LocalHome, wanted: str = AUTO_CHAMPION, algorithm: str = "fine_tuning") -> tuple[dict[str, Json], str]:
    return champion_selection.select_starting_model(wanted, "demo", find_algorithm(algorithm), {}, home)


def test_it_is_the_model_that_was_approved_last(home: Path) -> None:
    at = LocalHome(home)
    trained(at, "aaaaaaaaaaaa", when="2026-01-15T00:00:00.000+00:00")
    second = trained(at, "bbbbbbbbbbbb")
    trained(at, "cccccccccccc", status=None)
    assert start(at) == (second, second["StartingPackage"])


def test_a_run_can_be_named_whatever_its_approval(home: Path) -> None:
    at = LocalHome(home)
    first = trained(at, "aaaaaaaaaaaa", status=None)
    trained(at, "bbbbbbbbbbbb")
    assert start(at, "aaa")[0] == first


def test_without_a_champion_of_the_algorithm_it_starts_from_pretrained_weights_and_says_why(home: Path) -> None:
    at = LocalHome(home)
    assert start(at) == ({}, "pretrained weights, because no model of profile demo is approved")
    arn = trained(at, "aaaaaaaaaaaa", "linear_probe")["StartingPackage"]
    assert start(at) == ({}, f"pretrained weights, because {arn} is of linear_probe")


def test_what_was_typed_goes_before_the_champion(home: Path) -> None:
    at = LocalHome(home)
    trained(at, "aaaaaaaaaaaa")
    typed = {contract.STARTING_MODEL_PARAMETER: "s3://x"}
    found = champion_selection.select_starting_model(AUTO_CHAMPION, "demo", find_algorithm("fine_tuning"), typed, at)
    assert found == ({}, "as --parameter says")


@pytest.mark.parametrize(
    ("wanted", "algorithm", "said"),
    [
        ("aaa", "fine_tuning", r"^--warm-start aaa: arn:.* is of linear_probe\. .*registered model is of fine_tuning"),
        (AUTO_CHAMPION, "builtin_image_classification", r"^--warm-start auto: arn:.* is of linear_probe"),
        ("bbb", "fine_tuning", r"--warm-start: .*s3://runs/bbbbbbbbbbbb/model\.tar\.gz: no such object"),
    ],
)
def test_a_model_that_is_no_start_is_refused(home: Path, wanted: str, algorithm: str, said: str) -> None:
    at = LocalHome(home)
    trained(at, "aaaaaaaaaaaa", "linear_probe")
    trained(at, "bbbbbbbbbbbb", status=None)
    (at.s3 / "runs/bbbbbbbbbbbb/model.tar.gz").unlink()
    with pytest.raises(UsageError, match=said):
        start(at, wanted, algorithm)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--algorithm", "linear_probe"], "--warm-start: linear_probe: its network is frozen"),
        (["--algorithm", "fine_tuning"], "this definition has no parameter 'StartingModel'"),
    ],
)
def test_what_cannot_start_warm_is_exit_code_2_before_anything_runs(
    shell: Shell, options: list[str], said: str
) -> None:
    result = shell.run("--warm-start", *options)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert not (shell.home / "runs").exists()


@pytest.mark.parametrize(
    ("notes", "words"),
    [
        ({"WarmStart": "auto"}, ["run", "--warm-start", "auto"]),
        ({"WarmStart": ""}, ["run"]),
        ({"WarmStart": "auto", "From": "Train", "Of": "abc"}, ["run", "--from", "Train", "--of", "abc"]),
    ],
)
def test_the_command_that_continues_a_run_repeats_the_option(notes: dict[str, Json], words: list[str]) -> None:
    assert list(command_frame._resumed_run_arguments(notes)) == words


def test_lists_show_the_package_that_it_was_trained_from(home: Path) -> None:
    values = trained(LocalHome(home), "aaaaaaaaaaaa")
    declared = [{"Name": name, "DefaultValue": contract.NO_PACKAGE} for name in values]
    assert pipeline_run._changed_parameters(declared, values) == {"StartingPackage": values["StartingPackage"]}


def test_the_definition_of_a_warm_start_is_kept_beside_the_other(home: Path) -> None:
    at = LocalHome(home)
    for warm in (False, True):
        made = pipeline_run.render_definition(at, algorithm="fine_tuning", warm_start=warm)
        names = {each["Name"] for each in made["Parameters"]}
        assert (contract.STARTING_MODEL_PARAMETER in names) is warm
