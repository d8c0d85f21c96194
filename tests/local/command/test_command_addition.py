# SPDX-License-Identifier: MIT-0
"""``--add`` adds an additional archive to the first; without it the parameter names the object that stands for none."""

import json
import zipfile
from pathlib import Path

import pytest

from local.aws.s3_store import sha256_of_file
from pipeline_src import contract
from tests.local.command import small
from tests.local.command.small import Shell

ABSENT = "s3://local-runs/absent.json"


@pytest.fixture
def addition(shell: Shell) -> Path:
    path = shell.home.parent / "addition.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("b", "2")
    return path


@pytest.fixture
def definition(shell: Shell) -> Path:
    """The small loop with the parameter, which its Preprocess reads."""
    document = small.loop(0.6)
    document["Parameters"].append(
        {"Name": contract.ADDITIONAL_ARCHIVE_PARAMETER, "Type": "String", "DefaultValue": ABSENT}
    )
    inputs = document["Steps"][0]["Arguments"]["ProcessingInputs"]
    more = json.loads(json.dumps(inputs[0]).replace("InputArchive", contract.ADDITIONAL_ARCHIVE_PARAMETER))
    more["InputName"] = contract.ADDITION_INPUT
    more["S3Input"]["LocalPath"] = contract.processing_input_path(contract.ADDITION_INPUT)
    inputs.append(more)
    path = shell.home.parent / "definition.json"
    path.write_text(json.dumps(document))
    return path


def test_it_lies_in_the_store_under_its_hash_and_the_step_that_reads_it_runs_anew(
    shell: Shell, definition: Path, addition: Path
) -> None:
    run = ("run", "--archive", shell.archive(), "--definition", definition, "--until", "Preprocess")
    assert shell(*run).exit_code == 0
    assert shell.parameter(contract.ADDITIONAL_ARCHIVE_PARAMETER) == ABSENT
    assert (shell.home / "s3/local-runs/absent.json").read_text() == contract.ABSENT_OBJECT
    added = shell(*run, "--add", addition)
    assert "Preprocess  succeeded" in added.stdout
    uri = shell.parameter(contract.ADDITIONAL_ARCHIVE_PARAMETER)
    assert uri == f"s3://local-raw/additions/{sha256_of_file(addition)}.zip"
    assert contract.ADDITIONAL_ARCHIVE_PARAMETER in added.stdout
    assert uri in added.stdout.replace("\n", "")
    assert "Preprocess  cached" in shell(*run, "--add", addition).stdout
    assert "Preprocess  cached" in shell(*run).stdout


NAMING = """
import os, pathlib, sys
root = pathlib.Path(os.environ["ML_ROOT"])
names = [path.name for path in sorted(root.glob("processing/input/*/*.zip"))]
(root / "output/message").write_text(f"additional archive {names[0]!r}: no {names[1]!r}.")
sys.exit(2)
"""


def test_what_the_job_says_of_an_archive_names_the_file_that_was_typed_beside_its_hash(
    shell: Shell, definition: Path, addition: Path
) -> None:
    document = json.loads(definition.read_text())
    document["Steps"][0]["Arguments"]["AppSpecification"]["ContainerEntrypoint"] = ["python", "-c", NAMING]
    definition.write_text(json.dumps(document))
    run = ("run", "--archive", shell.archive(), "--definition", definition, "--until", "Preprocess")
    result = shell(*run, "--add", addition)
    first, second = (f"'{path}' ({sha256_of_file(path)}.zip)" for path in (addition, shell.archive()))
    said = f"additional archive {first}: no {second}."
    assert result.exit_code == 2
    assert shell.record()["FailureReason"].endswith(said)
    assert said.replace(" ", "") in "".join(result.stdout.split())


def test_what_to_do_next_names_it_again(shell: Shell, definition: Path, addition: Path) -> None:
    run = ("run", "--archive", shell.archive(), "--definition", definition, "--until", "Preprocess")
    assert f"--add {addition}" in " ".join(shell(*run, "--add", addition).stdout.split())


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--add", "none.zip"), "no such file. Check the path, or make one:"),
        (("--add", "{addition}", "-p", "AdditionalArchive=s3://a/b"), "both name the additional archive"),
        (("-p", "AdditionalArchive=s3://local-raw/gone.zip"), "no such object"),
    ],
)
def test_one_that_is_none_is_exit_code_2_and_nothing_is_started(
    shell: Shell, definition: Path, addition: Path, option: tuple[str, ...], said: str
) -> None:
    given = [each.format(addition=addition) for each in option]
    result = shell("run", "--archive", shell.archive(), "--definition", definition, *given)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert not (shell.home / "runs").exists()


def test_a_definition_that_takes_none_refuses_it(shell: Shell, addition: Path) -> None:
    result = shell.run("--add", addition)
    assert result.exit_code == 2
    assert "--add: this definition has no parameter 'AdditionalArchive'" in " ".join(result.stderr.split())
