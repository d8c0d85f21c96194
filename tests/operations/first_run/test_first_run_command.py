# SPDX-License-Identifier: MIT-0
"""`first-run` as somebody types it: it starts after asking, waits, keeps what it saw, and ends with an exit code."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from operations.__main__ import main
from operations.first_run.beliefs import BELIEFS
from pipeline_src import contract
from tests.operations.command.state import arn
from tests.operations.first_run.first_run_account import EXECUTION, MONDAY, Records, account, fresh, healthy


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "state" / "first-run.json"


def typed(records: Records, kept: Path, *words: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(main, ["first-run", "--file", str(kept), *words], obj=account(records), input=answer)


def document(kept: Path) -> Any:
    return json.loads(kept.read_text())


def test_it_starts_the_pipeline_after_asking(kept: Path) -> None:
    records = fresh()
    result = typed(records, kept, answer="y\n")
    assert result.exit_code == 0, result.output
    assert "Start the pipeline on archives/" in result.output
    assert len(records.starters) == 1
    assert "It goes on by itself; look again: make first-run" in result.output


def test_it_starts_nothing_where_the_answer_is_no(kept: Path) -> None:
    records = fresh()
    assert typed(records, kept, answer="n\n").exit_code == 0
    assert records.starters == []


def test_yes_asks_nothing(kept: Path) -> None:
    records = fresh()
    result = typed(records, kept, "--yes")
    assert (len(records.starters), "Start the pipeline" in result.output) == (1, False)


@pytest.mark.parametrize("status", ["Executing", "Succeeded", "Failed"])
def test_what_runs_or_has_ended_is_not_started_again(kept: Path, status: str) -> None:
    records = healthy()
    records.executions[0]["PipelineExecutionStatus"] = status
    typed(records, kept, "--yes")
    assert records.starters == []


def test_what_was_seen_is_kept_for_each_belief_and_milestone(kept: Path) -> None:
    result = typed(healthy(), kept)
    assert result.exit_code == 0, result.output
    found = document(kept)
    assert found["deployment"] == arn("skin-lesion-storage")
    assert list(found["beliefs"]) == [belief.id for belief in BELIEFS]
    assert found["beliefs"]["served-package"]["verdict"] == "held"
    assert found["milestones"][0]["progress"] == "done"
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]
    for belief in BELIEFS:
        assert belief.id in result.output
    assert "…" not in result.output


def test_a_failed_belief_is_exit_code_1_and_told_with_its_fallback(kept: Path) -> None:
    records = healthy()
    records.served = ""
    result = typed(records, kept)
    assert result.exit_code == 1
    assert "- served-package: SageMaker says of a model" in result.output
    assert "Instead: Tag the model with the package's ARN" in result.output


def test_a_failed_step_is_exit_code_1_also_where_no_belief_is_about_it(kept: Path) -> None:
    records = healthy()
    records.fail(contract.TRAINING, "ResourceLimitExceeded: ml.g4dn.xlarge")
    result = typed(records, kept)
    assert result.exit_code == 1
    assert "- step Train: failed: ResourceLimitExceeded: ml.g4dn.xlarge" in result.output
    assert "failed" not in {each["verdict"] for each in document(kept)["beliefs"].values()}


def test_nothing_deployed_is_exit_code_2(kept: Path) -> None:
    records = fresh()
    records.outputs = {}
    assert typed(records, kept).exit_code == 2
    assert not kept.exists()


def test_a_belief_that_held_once_stays_held_in_the_same_deployment_alone(kept: Path) -> None:
    typed(healthy(), kept)
    later = fresh()
    typed(later, kept, answer="n\n")
    assert document(kept)["beliefs"]["served-package"]["verdict"] == "held"
    changed = document(kept) | {"deployment": "another"}
    kept.write_text(json.dumps(changed))
    typed(later, kept, answer="n\n")
    assert document(kept)["beliefs"]["served-package"]["verdict"] == "not reached"


def test_a_belief_that_held_and_now_fails_has_failed(kept: Path) -> None:
    typed(healthy(), kept)
    records = healthy()
    records.served = ""
    assert typed(records, kept).exit_code == 1
    assert document(kept)["beliefs"]["served-package"]["verdict"] == "failed"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"beliefs": {"x": 1}}'])
def test_a_kept_file_that_cannot_be_read_counts_as_none(kept: Path, text: str) -> None:
    kept.parent.mkdir()
    kept.write_text(text)
    assert typed(healthy(), kept).exit_code == 0


def test_a_permission_that_is_missing_leaves_its_beliefs_open_and_is_named(kept: Path) -> None:
    records = healthy()
    records.denied = "ecr DescribeImages"
    assert typed(records, kept).exit_code == 0
    seen = document(kept)["beliefs"]["image-manifest"]
    assert seen["verdict"] == "not reached"
    assert "could not look: DescribeImages: AccessDeniedException" in seen["message"]


class _Living(Records):
    """A deployment whose execution comes into being, and ends, while somebody waits."""

    looks = 0

    def pass_time(self) -> None:
        self.looks += 1
        if self.looks == 1:
            named = {"PipelineExecutionArn": EXECUTION, "StartTime": MONDAY}
            self.executions.append({**named, "PipelineExecutionStatus": "Executing"})
            self.step(contract.MODEL, "Executing")
        else:
            self.jobs = healthy().jobs
            self.fail(contract.MODEL, "out of capacity")


def test_waiting_shows_progress_until_nothing_goes_on_by_itself(kept: Path) -> None:
    records = _Living(archives=fresh().archives)
    result = typed(records, kept, "--wait", "--yes")
    assert (result.exit_code, records.looks) == (1, 2)
    said = result.stderr.splitlines()
    assert said == ["archive: done", "execution: running", "step Model: running"]
    assert "- step Model: failed: out of capacity" in result.output


def test_ctrl_c_stops_looking_and_keeps_what_was_seen(kept: Path) -> None:
    records = fresh()

    def interrupted() -> None:
        raise KeyboardInterrupt

    records.pass_time = interrupted  # type: ignore[method-assign]
    result = typed(records, kept, "--wait", "--yes")
    assert result.exit_code == 130
    assert "what runs goes on. Look again: make first-run" in result.stderr
    assert document(kept)["milestones"][1]["progress"] == "running"
