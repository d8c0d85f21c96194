# SPDX-License-Identifier: MIT-0
"""``show --evidence``: the evidence for a review."""

import csv
import hashlib
import io
import json
import re
import zipfile
from pathlib import Path

from pipeline_src import contract
from tests.local.command.small import Shell

NAMES = [
    *("README.txt", "SHA256SUMS", "dataset_card.json", "definition.json", "evaluation.json", "execution.json"),
    *("gate.csv", "model_card.json", "model_package.json", "predictions.csv", "report.html"),
]


def filed(shell: Shell, name: str = "out.zip") -> dict[str, str]:
    """Return the texts of a bundle by file name."""
    path = shell.home.parent / name
    result = shell("show", "latest", "--evidence", path)
    assert result.exit_code == 0, result.output
    assert f"{name}: " in result.stdout
    with zipfile.ZipFile(path) as bundle:
        return {each: bundle.read(each).decode() for each in bundle.namelist()}


def test_the_bundle_holds_what_the_decision_rested_on_and_says_what_each_file_is(shell: Shell) -> None:
    assert shell.run("--quiet", "--parameter", "SourceCommit=0123abc").exit_code == 0
    shell("approve", shell.run_id(), "--description", "looked at the report")
    files = filed(shell)
    assert sorted(files) == NAMES
    for said in ("not a medical device", "Commit    0123abc", "looked at the report", *NAMES):
        assert said in files["README.txt"], said
    assert json.loads(files["model_package.json"])["ModelApprovalStatus"] == "Approved"
    definition = json.loads((shell.home.parent / "definition.json").read_text())
    assert json.loads(files["definition.json"]) == definition, "what was executed"
    assert files["model_card.json"] == "card"
    rows = list(csv.reader(io.StringIO(files["gate.csv"])))
    assert rows[0] == ["requirement", "wanted", "got", "95 % interval", "images", "verdict", "where"]
    assert rows[2] == ["balanced_accuracy", "at least 0.5", "0.6", "0.5123 to 0.7345", "140", "met", ""]


def test_the_checksums_are_those_of_all_other_files(shell: Shell) -> None:
    shell.run("--quiet")
    files = filed(shell)
    sums = dict(reversed(line.split("  ")) for line in files.pop("SHA256SUMS").splitlines())
    assert sums == {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}


def test_the_same_run_gives_the_same_bytes_without_a_path_of_this_machine_until_it_is_decided_on(shell: Shell) -> None:
    shell.run("--quiet")
    filed(shell)
    files = filed(shell, "again.zip")
    first, again = ((shell.home.parent / name).read_bytes() for name in ("out.zip", "again.zip"))
    assert first == again
    assert not [name for name, text in files.items() if str(shell.home.parent) in text]
    shell("approve", "latest")
    filed(shell, "approved.zip")
    assert (shell.home.parent / "approved.zip").read_bytes() != first


def test_a_rejected_model_is_filed_too_and_has_no_package(shell: Shell) -> None:
    assert shell.run("--quiet", got=0.4).exit_code == 1
    files = filed(shell)
    assert sorted(files) == [name for name in NAMES if name != "model_package.json"]
    assert "Gate      balanced_accuracy: wanted at least 0.5, got 0.4" in files["README.txt"]
    assert "none: a model that the gate rejects is not registered" in files["README.txt"]
    assert "model_package.json" not in files["README.txt"]


def test_evidence_is_not_written_over(shell: Shell) -> None:
    shell.run("--quiet")
    path = shell.home.parent / "out.zip"
    path.write_text("filed last year")
    result = shell("show", "latest", "--evidence", path)
    assert result.exit_code == 2
    assert "already exists; evidence files are never overwritten" in result.stderr
    assert path.read_text() == "filed last year"


def test_a_run_that_was_never_evaluated_has_no_evidence_and_says_why(shell: Shell) -> None:
    shell.run("--quiet", "--until", "Preprocess")
    _is_refused(shell, r"Evaluate has no output \(the run is Succeeded\)")


def test_a_file_that_is_no_longer_there_is_named_and_nothing_is_written(shell: Shell) -> None:
    shell.run("--quiet")
    card = shell.home / f"s3/runs/{shell.run_id()}/evaluate/evaluation/{contract.MODEL_CARD_FILE}"
    card.rename(card.with_name("elsewhere"))
    _is_refused(shell, r"evaluation/model_card\.json: no such file, so the evidence is incomplete")
    card.with_name("elsewhere").rename(card)
    (shell.home / "registry/small/1.json").unlink()
    _is_refused(shell, "model-package/small/1: not found in")


def _is_refused(shell: Shell, said: str) -> None:
    path = Path(shell.home.parent / "out.zip")
    result = shell("show", "latest", "--evidence", path)
    assert result.exit_code == 2
    assert re.search(said, result.stderr)
    assert not path.exists()
