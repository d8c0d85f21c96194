# SPDX-License-Identifier: MIT-0
"""One split for ever: by lesion, the same everywhere, undisturbed by new data."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_src import contract
from pipeline_src.dataset import lesion_split
from pipeline_src.dataset.lesion_split import SplitFractions
from pipeline_src.dataset.metadata_tables import ImageMetadata
from pipeline_src.runtime.errors import BadInputError
from tests.jobs import archives

FRACTIONS = SplitFractions(validation=0.15, test=0.20)
LESIONS = st.integers(0, 10**9).map(lambda number: f"HAM_{number}")


def _rows(lesions: set[str], label: str) -> list[ImageMetadata]:
    return [ImageMetadata(f"{lesion}_{copy}", lesion, label, "drawn") for lesion in lesions for copy in range(2)]


def _dataset(lesions: set[str]) -> list[ImageMetadata]:
    """Return rows in which each class has all of `lesions`, under names of its own."""
    return [row for label in contract.CLASS_LABELS for row in _rows({f"{label}-{x}" for x in lesions}, label)]


def test_places_are_those_of_every_earlier_version() -> None:
    """Changing the key or the hash would silently move test images into training."""
    places = [lesion_split.position_of_lesion(name) for name in ("HAM_0000118", "HAM_0002730", "HAM_0001466")]
    assert places == pytest.approx([0.9513719683, 0.7831859853, 0.5222195242], abs=1e-9)


@given(st.sets(LESIONS, min_size=3, max_size=40), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(lesions: set[str], random: object) -> None:
    rows = _dataset(lesions)
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert lesion_split.split_lesions(rows, FRACTIONS) == lesion_split.split_lesions(shuffled, FRACTIONS)


@given(st.sets(LESIONS, min_size=3, max_size=60))
def test_every_class_is_in_every_split_from_three_lesions_on(lesions: set[str]) -> None:
    by_lesion = lesion_split.split_lesions(_dataset(lesions), FRACTIONS).by_lesion
    found = {(lesion.split("-")[0], name) for lesion, name in by_lesion.items()}
    assert found == {(label, name) for label in contract.CLASS_LABELS for name in contract.SPLITS}


@given(st.sets(LESIONS, min_size=3, max_size=40), st.sets(LESIONS, max_size=40))
def test_what_the_hash_places_stays_when_data_is_added(before: set[str], added: set[str]) -> None:
    old = lesion_split.split_lesions(_dataset(before), FRACTIONS).by_lesion
    new = lesion_split.split_lesions(_dataset(before | added), FRACTIONS).by_lesion
    for label in contract.CLASS_LABELS:
        names = [f"{label}-{lesion}" for lesion in before]
        if {lesion_split.split_of_lesion(name, FRACTIONS) for name in names} == set(contract.SPLITS):
            assert all(old[name] == new[name] for name in names)


@given(st.sets(LESIONS, min_size=3, max_size=12), st.sets(LESIONS, max_size=12))
def test_no_lesion_that_was_trained_on_becomes_a_test_lesion_when_data_is_added(
    before: set[str], added: set[str]
) -> None:
    old = lesion_split.split_lesions(_dataset(before), FRACTIONS).by_lesion
    new = lesion_split.split_lesions(_dataset(before | added), FRACTIONS).by_lesion
    for label in contract.CLASS_LABELS:
        names = [f"{label}-{lesion}" for lesion in before]
        if sum(lesion_split.split_of_lesion(name, FRACTIONS) == contract.TRAIN for name in names) >= 3:
            assert not any(old[name] == contract.TRAIN and new[name] == contract.TEST for name in names)


@given(LESIONS, st.floats(0.01, 0.4), st.floats(0.01, 0.4), st.floats(0, 0.19))
def test_a_larger_test_fraction_only_adds_test_lesions(
    lesion: str, validation: float, test: float, more: float
) -> None:
    if lesion_split.split_of_lesion(lesion, SplitFractions(validation, test)) == contract.TEST:
        assert lesion_split.split_of_lesion(lesion, SplitFractions(validation, test + more)) == contract.TEST


def test_many_lesions_come_near_the_fractions() -> None:
    counts = Counter(lesion_split.split_of_lesion(f"HAM_{number:07d}", FRACTIONS) for number in range(7470))
    assert counts[contract.TEST] / 7470 == pytest.approx(0.20, abs=0.015)
    assert counts[contract.VALIDATION] / 7470 == pytest.approx(0.15, abs=0.015)


def test_a_lesion_that_the_hash_did_not_place_is_remarked() -> None:
    assigned = lesion_split.split_lesions(_dataset({"1", "2", "3"}), FRACTIONS)
    moved = {x for x, name in assigned.by_lesion.items() if name != lesion_split.split_of_lesion(x, FRACTIONS)}
    assert moved
    assert all(any(lesion in remark for remark in assigned.remarks) for lesion in moved)


def test_train_gives_up_a_lesion_before_a_larger_split_does() -> None:
    """What validation gives up today could be trained on, and then tested on, in later runs."""
    names = [f"HAM_{number}" for number in range(200)]
    by_split = {
        split_: [x for x in names if lesion_split.split_of_lesion(x, FRACTIONS) == split_] for split_ in contract.SPLITS
    }
    thin = [*by_split[contract.TRAIN][:2], *by_split[contract.VALIDATION][:4]]
    others = [row for label in contract.CLASS_LABELS[1:] for row in _rows({f"{label}-{x}" for x in names}, label)]
    assigned = lesion_split.split_lesions([*_rows(set(thin), contract.CLASS_LABELS[0]), *others], FRACTIONS).by_lesion
    assert sorted(assigned[name] for name in thin[:2]) == [contract.TEST, contract.TRAIN]
    assert {assigned[name] for name in thin[2:]} == {contract.VALIDATION}


def test_a_class_with_fewer_lesions_than_splits_is_refused() -> None:
    rows = [row for row in _dataset({"1", "2", "3", "4"}) if row.label != "df" or row.lesion_id in {"df-1", "df-2"}]
    with pytest.raises(BadInputError, match=r"class df: 2 lesions.*Add images"):
        lesion_split.split_lesions(rows, FRACTIONS)


def test_a_class_without_an_image_is_refused(room: archives.Room) -> None:
    archive = archives.good()
    archive.rows = [row for row in archive.rows if row["dx"] != "vasc"]
    room.put(archive.bytes())
    assert room.run() == 2
    assert "class vasc: 0 lesions" in room.reason()
    assert room.files() == {}


def test_a_class_that_loses_a_split_to_missing_images_is_refused(room: archives.Room, done: archives.Room) -> None:
    archive = archives.good()
    lost = [row["image_id"] for row in done.manifest() if (row["label"], row["split"]) == ("mel", "test")]
    for image_id in lost:
        del archive.pictures[image_id]
    room.put(archive.bytes())
    assert room.run("--allowed-missing-images", "9") == 2
    assert "class mel: no image in test" in room.reason()
    assert room.files() == {}


@pytest.mark.parametrize(
    "arguments",
    [
        ("--validation-fraction", "0"),
        ("--validation-fraction", "nan"),
        ("--test-fraction", "1.0"),
        ("--test-fraction", "-0.1"),
        ("--test-fraction", "0.5", "--validation-fraction", "0.5"),
    ],
)
def test_fractions_that_leave_a_split_empty_are_refused(room: archives.Room, arguments: tuple[str, ...]) -> None:
    room.put(archives.good().bytes())
    assert room.run(*arguments) == 2
    assert "parameters: " in room.reason()
    assert "fraction" in room.reason()
