# SPDX-License-Identifier: MIT-0
"""The bounded memory keeps a random sample of the pictures, the same in any order."""

import numpy as np

from pipeline_src.drift import capture_window, image_features
from pipeline_src.drift.capture_window import ImageSample, RequestOrigin


def fill(numbers: list[int], limit: int = 64) -> ImageSample:
    made = ImageSample(limit)
    for number in numbers:
        made.add(
            capture_window.image_digest(str(number).encode()),
            np.full(image_features.FEATURE_COLUMNS, number, np.float32),
            RequestOrigin(number, ""),
        )
    return made


def test_it_never_keeps_more_than_its_limit() -> None:
    made = fill(list(range(5000)))
    assert 16 <= len(made) <= 64
    assert made.share < 1


def test_it_keeps_everything_below_its_limit() -> None:
    made = fill(list(range(60)))
    assert (len(made), made.share) == (60, 1.0)


def test_the_order_does_not_matter() -> None:
    numbers = [*range(2000), *range(0, 2000, 3)]
    shuffled = np.random.default_rng(1).permutation(numbers).tolist()
    one, other = fill(numbers), fill(shuffled)
    assert np.array_equal(one.table(), other.table())
    assert (one.requests, one.share) == (other.requests, other.share)


def test_a_picture_that_is_kept_is_kept_with_all_its_repeats() -> None:
    made = fill([*range(2000)] * 3)
    assert made.requests == 3 * len(made)
    assert made.most() == 3


def test_the_sample_is_of_all_and_not_of_the_first() -> None:
    kept = fill(list(range(20_000)), limit=512).table()[:, 0]
    assert abs(kept.mean() - 10_000) < 1500


def test_of_two_answers_to_one_picture_the_same_is_kept_in_any_order_with_its_first_request() -> None:
    rows = [np.full(image_features.FEATURE_COLUMNS, value, np.float32) for value in (1, 2)]
    requests = list(zip(rows, (RequestOrigin(9.0, "a"), RequestOrigin(5.0, "b")), strict=True))
    first, found = min(rows, key=lambda row: row.tobytes()), []
    for order in (requests, requests[::-1]):
        made = ImageSample()
        for row, sent in order:
            made.add(7, row, sent)
        found += made.images()
    assert [(each.key, each.sent, each.row.tolist()) for each in found] == 2 * [(7, (5.0, "b"), first.tolist())]


def test_images_are_in_the_order_of_their_requests() -> None:
    made = fill([5, 3, 9, 4, 3])
    assert [each.sent.time for each in made.images()] == [3, 4, 5, 9]
