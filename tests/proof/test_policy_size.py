# SPDX-License-Identifier: MIT-0
"""No policy is too long for its service, whatever name a deployment has, and with everything switched on."""

from typing import Any, Final

import pytest

from tests.assembly import CONNECTED, Assembled, templates_in
from tests.proof import policy_size
from tests.proof.intrinsic import Documents
from tests.proof.policy import policies
from tests.proof.sample import ACCOUNTS

# The longest name that settings take, and a region whose name is as long as any's.
_LONGEST: Final = {
    "name": "abcdefghij-klmnopqrs",
    "build.account": "111122223333",
    "build.region": "ap-northeast-1",
    "staging.capture_percent": "5",
    "staging.minimum": "2",
    "staging.maximum": "4",
    "training.tuning_jobs": "4",
}
_FAR: Final = {"staging_environment.region": "ap-northeast-1", "production_environment.region": "ap-southeast-1"}
_SETTINGS: Final = {
    "at home": CONNECTED | _LONGEST,
    "apart": CONNECTED | ACCOUNTS | _LONGEST | _FAR,
    "a zip in S3": CONNECTED | _LONGEST | {"source.kind": "s3", "source.repository": ""},
    "codecommit": CONNECTED | _LONGEST | {"source.kind": "codecommit", "source.repository": "a" * 100},
}


@pytest.fixture(scope="module", params=_SETTINGS)
def longest(request: pytest.FixtureRequest, assembled: Assembled) -> Documents:
    """The templates of the longest name, in which what CloudFormation names has the longest name too."""
    documents = templates_in(assembled(_SETTINGS[request.param]))
    for document in documents.values():
        document.setdefault("Metadata", {})["LongestNames"] = True
    return documents


def test_no_policy_is_longer_than_its_service_takes(longest: Documents) -> None:
    assert list(policy_size.problems(longest)) == []


def test_a_queue_admits_all_rules_by_one_statement(longest: Documents) -> None:
    """With one for each rule there would be 20 soon, and no room for any further rule."""
    found = [each for each in policies(longest) if each.owner == "AWS::SQS::QueuePolicy"]
    assert [[_who(each) for each in policy.statements] for policy in found] == [["*", "events.amazonaws.com"]] * 3


def _who(statement: dict[str, Any]) -> str:
    (who,) = statement["Principal"].values()
    return str(who)
