# SPDX-License-Identifier: MIT-0
"""What is attached to a model package has the characters that its metadata may hold, whatever a card says."""

from pipeline_src.evaluation import evaluation_json
from tests.jobs.report import judgement


def test_a_headline_has_hyphens_for_characters_that_the_metadata_refuses() -> None:
    measured = judgement.evaluation(card={"archive": {"sha256": 'a|b"ü'}})
    assert evaluation_json.headline_texts(measured, judgement.verdict())["archive_sha256"] == "a-b--"
