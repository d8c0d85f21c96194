# SPDX-License-Identifier: MIT-0
"""The network is the residual net that num_layers names."""

import pytest

from local.builtin_stand_in import algorithm_hyperparameters, residual_network


@pytest.mark.parametrize(
    "num_layers", [*algorithm_hyperparameters.SMALL_IMAGE_LAYERS, *algorithm_hyperparameters.LARGE_IMAGE_LAYERS]
)
def test_a_network_has_as_many_weighted_layers_as_it_is_named_after(num_layers: int) -> None:
    """Shortcuts do not count; 101 is the guide's name of ResNet-101, and 200 of ResNet-200."""
    symbol = residual_network.build_network_symbol(
        num_layers=num_layers, num_classes=7, image_shape=(3, 64, 64), momentum=0.9
    )
    weights = [name for name in symbol.list_arguments() if name.endswith("_weight") and "_sc_" not in name]
    assert len(weights) == num_layers


@pytest.mark.parametrize(("num_layers", "side"), [(20, 8), (20, 28), (18, 28), (18, 48), (18, 224), (50, 64)])
def test_any_side_ends_in_one_probability_a_class(num_layers: int, side: int) -> None:
    symbol = residual_network.build_network_symbol(
        num_layers=num_layers, num_classes=7, image_shape=(3, side, side), momentum=0.9
    )
    _, outputs, _ = symbol.infer_shape(data=(2, 3, side, side))
    assert outputs == [(2, 7)]


def test_large_images_are_shrunk_by_the_stem_and_small_ones_are_not() -> None:
    def side_before_pooling(side: int) -> int:
        symbol = residual_network.build_network_symbol(
            num_layers=18, num_classes=7, image_shape=(3, side, side), momentum=0.9
        )
        _, outputs, _ = symbol.get_internals()["bn1_output"].infer_shape(data=(1, 3, side, side))
        return int(outputs[0][-1])

    assert side_before_pooling(224) == 7
    assert side_before_pooling(32) == 4


def test_the_graph_is_the_same_text_each_time() -> None:
    one, other = (
        residual_network.build_network_symbol(
            num_layers=20, num_classes=7, image_shape=(3, 28, 28), momentum=0.9
        ).tojson()
        for _ in range(2)
    )
    assert one == other


@pytest.mark.parametrize("epoch_batches", [1, 3, 10])
def test_running_statistics_forget_the_start_within_a_short_epoch(epoch_batches: int) -> None:
    assert residual_network.batch_norm_momentum(epoch_batches) ** epoch_batches == pytest.approx(0.1)


def test_running_statistics_of_long_epochs_have_the_usual_momentum() -> None:
    assert residual_network.batch_norm_momentum(300) == 0.9
