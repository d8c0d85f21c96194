# SPDX-License-Identifier: MIT-0
"""Augmentation and loading: the same images whatever the number of threads, each image once an epoch."""

import numpy as np
import pytest

from pipeline_src.algorithms import training_channel
from pipeline_src.algorithms.fine_tuning import batch_loader, image_augmentation
from pipeline_src.algorithms.fine_tuning.batch_loader import BatchLoader
from pipeline_src.runtime.errors import BadInputError
from tests import colored_records

SIDE = colored_records.SIDE


SKEWED = np.repeat(np.arange(3), (100, 25, 4))


def test_an_epoch_samples_classes_by_the_root_of_their_number_and_images_evenly() -> None:
    order = batch_loader.epoch_order(SKEWED, 16, 2, seed=3, epoch=0)
    assert order.shape == (5, 2, 16)
    counts = np.bincount(SKEWED[order.flatten()])
    assert counts.tolist() == pytest.approx([160 * share / 17 for share in (10, 5, 2)], abs=1)
    times = np.bincount(order.flatten(), minlength=len(SKEWED))
    for label in range(3):
        assert np.ptp(times[label == SKEWED]) <= 2  # each image as often as the others of its class, but for rounding


def test_every_image_of_a_frequent_class_has_its_turn() -> None:
    seen = {each for epoch in range(8) for each in batch_loader.epoch_order(SKEWED, 16, 2, 3, epoch).flatten().tolist()}
    assert seen == set(range(len(SKEWED)))


def test_epochs_and_seeds_have_orders_of_their_own_and_keep_them() -> None:
    orders = {
        (seed, epoch): batch_loader.epoch_order(SKEWED, 16, 1, seed, epoch) for seed in (1, 2) for epoch in (0, 1)
    }
    assert len({order.tobytes() for order in orders.values()}) == 4
    assert (batch_loader.epoch_order(SKEWED, 16, 1, 2, 1) == orders[2, 1]).all()


def test_few_images_fill_one_step() -> None:
    assert batch_loader.epoch_order(np.arange(5), 16, 4, 0, 0).shape == (1, 4, 16)


def test_a_changed_image_depends_on_its_generator_alone() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    changed = [image_augmentation.augment_image(pixels, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert (changed[0] == changed[1]).all()
    assert (changed[0] != changed[2]).any()
    assert {(each.shape, each.dtype) for each in changed} == {(pixels.shape, pixels.dtype)}


def test_turns_flips_and_colors_stay_within_bounds_and_reach_all_of_them() -> None:
    gray = np.full((SIDE, SIDE, 3), 128, np.uint8)
    means = np.array([image_augmentation.augment_image(gray, np.random.default_rng(n)).mean() for n in range(200)])
    assert 128 - 35 < means.min() < 105
    assert 150 < means.max() < 128 + 35
    marked = gray.copy()
    marked[4:10, 22:28] = (255, 255, 255)  # in the upper right
    quarters = set()
    for seed in range(60):
        image = image_augmentation.augment_image(marked, np.random.default_rng(seed)).sum(2)
        row, column = np.argwhere(image >= image.max() - 30).mean(0)
        quarters.add((row > SIDE / 2, column > SIDE / 2))
    assert len(quarters) == 4


@pytest.mark.parametrize("augmentation", [None, (3, 1)])
@pytest.mark.usefixtures("training_room")
def test_threads_change_nothing(augmentation: tuple[int, int] | None) -> None:
    channel = training_channel.scan_channel("train", SIDE)
    groups = list(batch_loader.epoch_order(channel.labels, 16, 1, 3, 1)[:, 0])
    loaded = [list(BatchLoader(channel, SIDE, threads).load(groups, augmentation)) for threads in (1, 3)]
    for one, other in zip(*loaded, strict=True):
        assert (one.pixels == other.pixels).all()
        assert (one.labels == other.labels).all()
    labels = [channel.images[position].label for position in groups[0]]
    assert loaded[0][0].labels.tolist() == labels


@pytest.mark.usefixtures("training_room")
def test_an_image_that_was_damaged_after_the_scan_is_named() -> None:
    channel = training_channel.scan_channel("train", SIDE)
    data = bytearray(channel.path.read_bytes())
    offset = channel.images[5].offset
    data[offset + 60 : offset + 400] = bytes(340)
    channel.path.write_bytes(data)
    with pytest.raises(BadInputError, match=r"train\.rec"):
        list(BatchLoader(channel, SIDE, 2).load([np.arange(16)], None))
