# SPDX-License-Identifier: MIT-0
"""A channel's images come once an epoch, in an order and with changes that the seed decides."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from local.builtin_stand_in import recordio_channel
from local.builtin_stand_in.recordio_channel import AUGMENTATIONS, Channel, ImageBatch
from tests.stand_in.conftest import SIDE, colored, jpeg, write_records

SHAPE = (3, SIDE, SIDE)


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Channel:
    """Return a channel of 11 records."""
    monkeypatch.setenv("ML_ROOT", str(tmp_path))
    folder = tmp_path / "input" / "data" / "train"
    labels = (*range(7), 6, 5, 1, 0)
    write_records(folder / "train.rec", [(float(label), jpeg(colored(label, 50 + label))) for label in labels])
    return recordio_channel.find_channel("train", 7)


def read(records: Channel, seed: int | None = None, augmentation: str | None = None, size: int = 4) -> list[ImageBatch]:
    return list(
        recordio_channel.read_batches(records, batch_size=size, image_shape=SHAPE, augmentation=augmentation, seed=seed)
    )


def labels(batches: list[ImageBatch]) -> list[int]:
    """Return the labels of the images that are in place of no other."""
    return [int(label) for batch in batches for label in batch.label.asnumpy()[: len(batch.label) - batch.filled]]


def first_image(records: Channel, augmentation: str | None, seed: int) -> np.ndarray[Any, Any]:
    order = read(records, seed, augmentation, 11)[0]
    return np.asarray(order.data[labels([order]).index(2)].asnumpy())


def test_records_are_read_in_the_order_of_the_file(records: Channel) -> None:
    assert records.labels == (0, 1, 2, 3, 4, 5, 6, 6, 5, 1, 0)
    assert labels(read(records)) == [*records.labels]


def test_the_last_batch_says_how_many_images_fill_it_up(records: Channel) -> None:
    assert [(len(batch.label), batch.filled) for batch in read(records)] == [(4, 0), (4, 0), (4, 1)]


def test_a_batch_larger_than_the_channel_is_filled_over_and_over(records: Channel) -> None:
    (batch,) = read(records, size=30)
    assert (batch.data.shape, batch.filled) == ((30, *SHAPE), 19)
    assert labels([batch]) == [*records.labels]
    assert (batch.data[22].asnumpy() == batch.data[0].asnumpy()).all()


def test_the_seed_decides_the_order(records: Channel) -> None:
    one, again, other = (labels(read(records, seed, "crop_color_transform")) for seed in (1, 1, 2))
    assert one == again != other
    assert sorted(one) == sorted(other) == sorted(records.labels)


def test_each_epoch_has_an_order_of_its_own(train: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = []

    def noted(*arguments: Any, **options: Any) -> Any:
        seeds.append(options["seed"])
        return batches(*arguments, **options)

    batches = recordio_channel.read_batches
    monkeypatch.setattr("local.builtin_stand_in.recordio_channel.read_batches", noted)
    train(epochs="3")
    shuffled = [seed for seed in seeds if seed is not None]
    assert len({*shuffled}) == len(shuffled) == 3
    assert len(seeds) == 6


def test_without_augmentation_an_image_stays_as_it_is(records: Channel) -> None:
    assert (first_image(records, None, 1) == first_image(records, None, 2)).all()


def test_crop_mirrors_half_of_the_images_and_changes_no_color(records: Channel) -> None:
    plain = first_image(records, None, 0)
    for seed in range(6):
        image = first_image(records, "crop", seed)
        assert (image == plain).all() or (image == plain[:, :, ::-1]).all()
    assert len({first_image(records, "crop", seed).tobytes() for seed in range(6)}) == 2


def test_color_changes_colors(records: Channel) -> None:
    plain = first_image(records, None, 0).mean(axis=(1, 2))
    shifts = [np.abs(first_image(records, "crop_color", seed).mean(axis=(1, 2)) - plain).max() for seed in range(6)]
    assert max(shifts) > 20


def test_augmentations_have_the_documented_strengths() -> None:
    strong = AUGMENTATIONS["crop_color_transform"]
    assert [strong[f"random_{name}"] for name in "hsl"] == [36, 50, 50]
    assert [strong[f"max_{name}"] for name in ("rotate_angle", "shear_ratio", "aspect_ratio")] == [10, 0.1, 0.25]
    assert AUGMENTATIONS["crop"].items() < AUGMENTATIONS["crop_color"].items() < strong.items()
