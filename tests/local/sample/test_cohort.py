# SPDX-License-Identifier: MIT-0
import csv
import io
from collections import Counter

import pytest

from local.synthetic import synthetic_cohort
from pipeline_src import contract

LEAST = synthetic_cohort.MINIMUM_PER_CLASS * len(contract.CLASS_LABELS)


def _rows(images: int, seed: int) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(synthetic_cohort.plan_images(images, seed)[1].decode())))


def _by_lesion(rows: list[dict[str, str]]) -> dict[str, list[dict[str, str]]]:
    lesions: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        lesions.setdefault(row["lesion_id"], []).append(row)
    return lesions


@pytest.fixture(scope="module")
def full() -> list[dict[str, str]]:
    """The table of an archive of HAM10000's size, with the classes of HAM10000."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synthetic_cohort, "CLASS_IMAGES", synthetic_cohort.REAL_IMAGES)
        return _rows(10015, 7)


def test_an_archive_of_the_real_size_has_the_real_class_sizes_and_lesions(full: list[dict[str, str]]) -> None:
    assert Counter(row["dx"] for row in full) == synthetic_cohort.REAL_IMAGES
    lesions = _by_lesion(full)
    assert len(lesions) == 7470
    assert Counter(rows[0]["dx"] for rows in lesions.values()) == synthetic_cohort.REAL_LESIONS
    assert 1900 < sum(len(rows) > 1 for rows in lesions.values()) < 2010  # really 1,956
    assert max(map(len, lesions.values())) == 6


def test_image_and_lesion_ids_look_like_the_real_ones(full: list[dict[str, str]]) -> None:
    assert sorted(row["image_id"] for row in full) == [f"ISIC_{number:07d}" for number in range(24306, 34321)]
    assert all(row["lesion_id"].startswith("HAM_000") and len(row["lesion_id"]) == 11 for row in full)


def test_all_images_of_a_lesion_share_its_facts(full: list[dict[str, str]]) -> None:
    facts = set(synthetic_cohort.METADATA_COLUMNS) - {"image_id"}
    assert all(len({row[fact] for row in rows}) == 1 for rows in _by_lesion(full).values() for fact in facts)


def test_some_ages_are_missing_or_zero_as_in_the_real_table(full: list[dict[str, str]]) -> None:
    ages = Counter(row["age"] for row in full)
    assert 30 < ages[""] < 90  # really 57
    assert 15 < ages["0.0"] < 70  # really 39
    assert {row["sex"] for row in full if row["age"] in {"", "0.0"}} == {"unknown"}
    assert all(float(age) % 5 == 0 and float(age) <= 85 for age in ages if age)


@pytest.mark.parametrize("images", [LEAST, LEAST + 1, 60, 199, 700, 1201])
def test_class_sizes_add_up_and_no_class_falls_below_the_floor(images: int) -> None:
    sizes = synthetic_cohort.images_per_class(images)
    assert sum(sizes.values()) == images
    assert min(sizes.values()) >= synthetic_cohort.MINIMUM_PER_CLASS
    assert set(sizes) == set(contract.CLASS_LABELS)


def test_class_sizes_are_the_real_proportions_by_largest_remainder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(synthetic_cohort, "CLASS_IMAGES", synthetic_cohort.REAL_IMAGES)
    # 700 images: exact shares 468.65, 77.79, 76.82, 35.93, 22.86, 9.93, 8.04; four of the remainders round up.
    wanted = {"nv": 468, "mel": 78, "bkl": 77, "bcc": 36, "akiec": 23, "vasc": 10, "df": 8}
    assert synthetic_cohort.images_per_class(700) == wanted


@pytest.mark.parametrize("images", [LEAST, 60, 700])
def test_every_class_has_at_least_as_many_lesions_as_there_are_splits(images: int) -> None:
    counts = Counter(rows[0]["dx"] for rows in _by_lesion(_rows(images, 1)).values())
    assert min(counts[label] for label in contract.CLASS_LABELS) >= len(contract.SPLITS)


def test_the_plan_follows_from_the_seed() -> None:
    assert synthetic_cohort.plan_images(60, 1) == synthetic_cohort.plan_images(60, 1)
    assert synthetic_cohort.plan_images(60, 1)[1] != synthetic_cohort.plan_images(60, 2)[1]
