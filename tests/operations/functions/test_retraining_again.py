# SPDX-License-Identifier: MIT-0
"""When a second retraining is the same work: another champion, no comparison, and drift, which asks again and again."""

import pytest

from tests.operations.functions.test_retraining import start
from tests.operations.pipeline import Pipeline
from tests.operations.service import PACKAGE


def test_another_champion_makes_no_other_model() -> None:
    pipeline = Pipeline()
    first = start(pipeline)
    pipeline.end("Succeeded")
    assert start(pipeline, champion=PACKAGE).execution == first.execution


def test_a_rejected_attempt_is_made_again_against_the_champion_of_now() -> None:
    pipeline = Pipeline()
    start(pipeline)
    pipeline.end("Failed")
    assert "attempt 2" in start(pipeline, champion=PACKAGE).message


@pytest.mark.parametrize("status", ["Executing", "Succeeded"])
def test_a_model_that_was_compared_with_nothing_does_not_stand_for_one_that_is_compared(status: str) -> None:
    pipeline = Pipeline()
    waived = start(pipeline, compare="nothing", champion=PACKAGE)
    pipeline.end(status)
    assert start(pipeline, champion=PACKAGE).started
    assert start(pipeline, compare="nothing", champion=PACKAGE).execution == waived.execution
    assert len(pipeline.tokens) == 2


def test_drift_gets_one_attempt_at_a_model_however_it_ends() -> None:
    """Each run of the monitor asks, so that a model that is rejected would be trained each day."""
    pipeline = Pipeline()
    first = start(pipeline, "drift")
    pipeline.end("Failed")
    again = start(pipeline, "drift")
    assert (again.execution, again.started) == (first.execution, False)
    assert "Attempt 1, started because of drift, ended as Failed" in again.message
    pipeline.definition = '{"Steps": [1]}'
    assert start(pipeline, "drift").started


def test_drift_tries_what_others_failed_at_and_others_what_drift_did() -> None:
    pipeline = Pipeline()
    for number, reason in enumerate(("push", "drift", "manual"), 1):
        assert f"attempt {number} " in start(pipeline, reason).message
        pipeline.end("Failed")
