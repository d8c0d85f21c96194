# SPDX-License-Identifier: MIT-0
"""Every synthesized template passes every checker; what a checker is for stands in its module.

That is so for the settings that ship with everything switched on, and for the other ways in which settings change what
is synthesized.
"""

from typing import Final

import pytest

from tests.assembly import Assembled, templates_in
from tests.proof.check import CHECKERS
from tests.proof.intrinsic import Documents

OTHERS: Final = {
    "codecommit, warm start, no canary, no capture": {
        "name": "abc",
        "source.kind": "codecommit",
        "source.repository": "skin-lesion-mlops",
        "training.algorithm": "fine_tuning",
        "training.warm_start": "true",
        "training.spot": "true",
        "production.canary_percent": "0",
        "production.capture_percent": "0",
    },
    "a zip in S3, a canary of both": {
        "source.kind": "s3",
        "staging.minimum": "2",
        "staging.maximum": "3",
        "staging.canary_percent": "50",
        "staging.capture_percent": "5",
        "budget.monthly_usd": "0",
        "monitor.every": "hour",
        "retraining.on_new_data": "false",
        "training.tuning_jobs": "4",
    },
}


@pytest.mark.parametrize("checker", CHECKERS)
def test_nothing_is_wrong_with_the_templates(checker: str, documents: Documents) -> None:
    assert list(CHECKERS[checker](documents)) == []


@pytest.mark.parametrize("context", OTHERS.values(), ids=OTHERS)
def test_nothing_is_wrong_with_those_of_other_settings(context: dict[str, str], assembled: Assembled) -> None:
    documents = templates_in(assembled(context))
    assert [(name, problem) for name, problems in CHECKERS.items() for problem in problems(documents)] == []
