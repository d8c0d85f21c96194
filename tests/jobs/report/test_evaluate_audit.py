# SPDX-License-Identifier: MIT-0
"""What is said of the split is what the audit found: no sentence promises more."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline_src.leakage import audit_summary
from pipeline_src.report import html_report, model_card
from tests.jobs.report import finding_case, judgement
from tests.jobs.report.reader import Reader

UNAUDITED = audit_summary.UNAUDITED_LEAKAGE


def test_all_images_of_a_lesion_lie_in_one_split_only_if_none_was_found_across() -> None:
    said = "All images of a lesion that are used are in one split, as far as the audit can tell."
    assert audit_summary.describe_split_consistency(judgement.audit()) == said
    across = audit_summary.describe_split_consistency(judgement.audit(lesions_across_splits=2))
    assert across == "Split by lesion id, but the audit found 2 lesions in more than one split."
    assert "Not checked" in audit_summary.describe_split_consistency(UNAUDITED)


def test_a_test_image_whose_lesion_chose_the_threshold_is_told_of() -> None:
    assert (
        audit_summary.describe_operating_point_leaks(judgement.audit())
        == audit_summary.describe_operating_point_leaks(UNAUDITED)
        == "Test images were not used to choose it."
    )
    told = audit_summary.describe_operating_point_leaks(judgement.audit(test_images_in_validation=1))
    assert told.endswith("but 1 test image shows a lesion that a validation image shows too.")


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({}, "None shows a lesion that was trained on, as far as the audit can tell."),
        (
            {"dropped_for_official_images": 3},
            "3 training images that show one of their lesions were left out of",
        ),
        (
            {"leaked_official_images": 2},
            "2 images of them show a lesion that was trained on: these figures are optim",
        ),
    ],
)
def test_the_official_set_is_called_unseen_only_as_far_as_it_is(counts: dict[str, int], said: str) -> None:
    found = judgement.audit(**counts)
    assert said in audit_summary.describe_official_test_leaks(found)
    assert ("left out of training" in audit_summary.describe_official_test_leaks(found)) is (
        "dropped_for_official_images" in counts
    )
    assert ("None shows" in audit_summary.describe_official_test_leaks(found)) is (
        "leaked_official_images" not in counts
    )
    assert "Not checked" in audit_summary.describe_official_test_leaks(UNAUDITED)


def test_the_criterion_is_told_whole() -> None:
    said = audit_summary.describe_leaking_pairs(judgement.audit(leaked_test_images=1))
    for part in (
        "12 pairs of images in different splits show one lesion: equal bytes",
        "at most 6 bits apart and a second measure that confirms one image",
        "a lesion id that the dataset and the official test set share",
        "9 training images of lesions that a held-out image shows were left out",
        "1 test image shows a lesion that was trained on nevertheless. Policy: drop.",
    ):
        assert part in said
    assert audit_summary.describe_leaking_pairs(UNAUDITED).startswith("No audit")


def test_report_and_model_card_say_it_in_the_same_words() -> None:
    found = judgement.audit(
        leaked_official_images=2, dropped_for_official_images=3, test_images_in_validation=4, lesions_across_splits=5
    )
    page = replace(finding_case.everything(), leakage=found)
    text = Reader(html_report.render_report(page, list(finding_case.drawn()), Path("/absent"))).text
    card = model_card.model_card_json(judgement.evaluation(leakage=found))
    both = (
        audit_summary.describe_split_consistency(found),
        audit_summary.describe_leaking_pairs(found),
        audit_summary.describe_official_test_leaks(found),
    )
    assert [
        sentence for sentence in (*both, audit_summary.describe_operating_point_leaks(found)) if sentence not in text
    ] == []
    assert [sentence for sentence in both if sentence not in card] == []
