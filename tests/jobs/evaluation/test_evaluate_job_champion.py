# SPDX-License-Identifier: MIT-0
"""The Evaluate job holds the model against the champion, where there is one."""

from pipeline_src import contract
from tests.jobs.evaluation import case
from tests.jobs.evaluation.job import evaluated, run, written


def champion(room: case.Room) -> None:
    """Make the predictions of the last evaluation the champion's."""
    predictions = written(room)["predictions.csv"]
    for path in room.champion.iterdir():
        path.unlink()
    (room.champion / "0a1b.csv").write_bytes(predictions)


def test_without_a_champion_the_verdict_says_so(room: case.Room) -> None:
    run()
    assert evaluated(room)["champion"]["status"] == "absent"
    assert [each["verdict"] for each in evaluated(room)["gate"]["requirements"]][-2:] == ["no champion"] * 2
    assert evaluated(room)["headline"]["champion_difference"] == "no champion"


def test_a_model_that_is_compared_with_itself_passes_and_says_that_it_is_the_same(room: case.Room) -> None:
    run()
    champion(room)
    run(champion_package="arn:1")
    found = evaluated(room)
    assert (found["champion"]["status"], found["gate"]["verdict"]) == ("identical", "pass")
    assert found["headline"]["champion_difference"].endswith("/ the same predictions")


def test_a_challenger_that_is_worse_than_the_champion_is_rejected_for_that(room: case.Room) -> None:
    listed = case.images()
    case.write(room, listed, case.probabilities(listed, skill=6))
    run()
    champion(room)
    case.write_scores(room, listed, case.probabilities(listed, skill=2))
    assert run(champion_package="arn:1") == contract.EXIT_OK
    found = evaluated(room)
    assert found["champion"]["status"] == "compared"
    assert found["gate"]["verdict"] == "reject"
    assert "champion_balanced_accuracy_loss: wanted at most 0.2" in found["gate"]["reason"]


def test_a_champion_that_cannot_be_compared_is_rejected_with_the_whole_report_written(room: case.Room) -> None:
    (room.champion / "none.json").write_text("image_id\n")
    assert run(champion_package="arn:1") == contract.EXIT_OK
    found = evaluated(room)
    assert found["champion"]["status"] == "refused"
    assert "champion_balanced_accuracy_loss: wanted at most 0.2, got no valid figure" in found["gate"]["reason"]
    assert "report.html" in written(room)
