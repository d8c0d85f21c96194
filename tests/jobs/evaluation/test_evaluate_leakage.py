# SPDX-License-Identifier: MIT-0
"""The audit of the split is read out of the dataset card, and one that cannot be read is no clean one."""

import copy
import json
from typing import Any

import pytest

from pipeline_src.leakage import audit_summary, leak_audit
from pipeline_src.leakage.audit_summary import DuplicatePair, LeakageSummary
from pipeline_src.runtime.errors import BadInputError

TWIN = {
    "images": ["ISIC_2", "ISIC_1"],
    "splits": ["test", "train"],
    "labels": ["mel", "nv"],
    "distance": 0,
    "exact": True,
    "dropped": False,
}
AUDIT = {
    "policy": "drop",
    "distance": 6,
    "pairs": 3,
    "dropped": ["ISIC_7", "ISIC_8"],
    "dropped_for_official_images": 1,
    "leaked_test_images": 1,
    "leaked_official_images": 4,
    "test_images_in_validation": 5,
    "lesions_across_splits": 6,
    "twins": [TWIN],
}


def test_an_audit_is_read() -> None:
    twin = DuplicatePair(("ISIC_2", "ISIC_1"), ("test", "train"), ("mel", "nv"), 0, exact=True, dropped=False)
    assert audit_summary.read_leakage_summary({"leakage": AUDIT}) == LeakageSummary(
        policy="drop",
        distance=6,
        twins=(twin,),
        pairs=3,
        dropped=2,
        leaked=1,
        audited=True,
        leaked_official=4,
        dropped_for_official=1,
        validated=5,
        lesions_across_splits=6,
    )


def test_what_preprocess_writes_is_what_evaluate_reads() -> None:
    twin = DuplicatePair(("a", "b"), ("official", "train"), ("mel", "nv"), 4, exact=False, dropped=True)
    audit = leak_audit.LeakAudit(
        policy="report",
        compared=9,
        twins=[twin],
        dropped={4: "b"},
        dropped_for_official=1,
        leaked=2,
        leaked_official=3,
        validated=4,
        lesions=5,
        equal=[["a", "b"]],
    )
    found = audit_summary.read_leakage_summary({"leakage": json.loads(json.dumps(audit.as_json()))})
    assert (found.policy, found.twins, found.pairs, found.dropped, found.leaked) == ("report", (twin,), 1, 1, 2)
    assert (found.dropped_for_official, found.leaked_official, found.validated) == (1, 3, 4)
    assert found.lesions_across_splits == 5


def test_a_card_without_an_audit_knows_nothing_of_leaks() -> None:
    found = audit_summary.read_leakage_summary({"schema": 1})
    assert (found.audited, found.leaked, found.twins) == (False, None, ())
    assert (found.leaked_official, found.validated, found.lesions_across_splits) == (None, None, None)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ((), None, "leakage: None: is no object"),
        (("policy",), "ignore", "leakage.policy: 'ignore': is none of "),
        (("distance",), -1, "leakage.distance: -1: is no count"),
        (("pairs",), True, "leakage.pairs: True: is no count"),
        (("leaked_test_images",), None, "leakage.leaked_test_images: None: is no count"),
        (("leaked_test_images",), 0.5, "leakage.leaked_test_images: 0.5: is no count"),
        (("leaked_official_images",), None, "leakage.leaked_official_images: None: is no count"),
        (("lesions_across_splits",), -1, "leakage.lesions_across_splits: -1: is no count"),
        (("dropped",), 2, "leakage.dropped: 2: is no list"),
        (("twins",), {"a": 1}, "leakage.twins: {'a': 1}: is no list"),
        (("twins", 0), "x" * 99, f"leakage.twins[0]: '{'x' * 59}…: is no object"),
        (("twins", 0, "images"), ["a"], "leakage.twins[0].images: ['a']: is no list of two"),
        (("twins", 0, "images"), ["a", ""], "leakage.twins[0].images[1]: '': is no text"),
        (("twins", 0, "splits"), ["test", "shelf"], "leakage.twins[0].splits[1]: 'shelf': is none of train"),
        (("twins", 0, "labels"), ["wart", "nv"], "leakage.twins[0].labels[0]: 'wart': is none of mel"),
        (("twins", 0, "exact"), 1, "leakage.twins[0].exact: 1: is neither true nor false"),
    ],
)
def test_a_malformed_audit_is_refused_by_place(path: tuple[Any, ...], value: object, said: str) -> None:
    card: Any = {"leakage": copy.deepcopy(AUDIT)}
    holder, *keys = card, "leakage", *path
    for key in keys[:-1]:
        holder = holder[key]
    holder[keys[-1]] = value
    with pytest.raises(BadInputError) as raised:
        audit_summary.read_leakage_summary(card)
    assert f"dataset_card.json: {said}" in str(raised.value)
    assert str(raised.value).endswith(". Run Preprocess again.")
