# SPDX-License-Identifier: MIT-0
"""Hyperparameters are the built-in algorithm's: names, values, defaults."""

import pytest

from local.builtin_stand_in.algorithm_hyperparameters import RULES, parse_hyperparameters
from local.builtin_stand_in.errors import HyperparameterError

REQUIRED = {"num_classes": "7", "num_training_samples": "900"}
# Every name of the Developer Guide's table, once.
DOCUMENTED = {
    *("num_classes", "num_training_samples", "augmentation_type", "beta_1", "beta_2", "checkpoint_frequency"),
    *("early_stopping", "early_stopping_min_epochs", "early_stopping_patience", "early_stopping_tolerance", "epochs"),
    *("eps", "gamma", "image_shape", "kv_store", "learning_rate", "lr_scheduler_factor", "lr_scheduler_step"),
    *("mini_batch_size", "momentum", "multi_label", "num_layers", "optimizer", "precision_dtype", "resize", "top_k"),
    *("use_pretrained_model", "use_weighted_loss", "weight_decay"),
}


WITHOUT_EFFECT = {
    *("checkpoint_frequency", "kv_store", "multi_label", "precision_dtype", "resize", "use_weighted_loss"),
}


def test_every_documented_name_is_read_except_those_without_an_effect_here() -> None:
    assert {*RULES} == DOCUMENTED - WITHOUT_EFFECT


@pytest.mark.parametrize("name", sorted(WITHOUT_EFFECT))
def test_a_name_without_an_effect_is_refused(name: str) -> None:
    with pytest.raises(HyperparameterError, match=f"here: '{name}' is no hyperparameter of the stand-in"):
        parse_hyperparameters({**REQUIRED, name: "1"}, "here")


def test_defaults_are_the_documented_ones() -> None:
    values = parse_hyperparameters(REQUIRED, "here")
    assert (values.num_layers, values.epochs, values.mini_batch_size) == (152, 30, 32)
    assert (values.optimizer, values.learning_rate, values.momentum) == ("sgd", 0.1, 0.9)
    assert (values.weight_decay, values.lr_scheduler_factor, values.lr_scheduler_step) == (0.0001, 0.1, ())
    assert (values.image_shape, values.augmentation_type, values.top_k) == ((3, 224, 224), None, None)
    assert values.early_stopping is False
    assert (values.early_stopping_min_epochs, values.early_stopping_patience) == (10, 5)


def test_values_are_read_from_text() -> None:
    given = {
        **REQUIRED,
        "num_layers": "20",
        "image_shape": "3, 28, 32",
        "lr_scheduler_step": "10, 20",
        "early_stopping": "TRUE",
        "learning_rate": "1e-3",
        "top_k": "3",
    }
    values = parse_hyperparameters(given, "here")
    assert (values.num_layers, values.image_shape, values.lr_scheduler_step) == (20, (3, 28, 32), (10, 20))
    assert (values.early_stopping, values.learning_rate, values.top_k) == (True, 0.001, 3)


def test_an_unknown_name_is_refused_with_the_nearest_known_one() -> None:
    with pytest.raises(HyperparameterError, match=r"here: 'learning_rat' is no .*Did you mean 'learning_rate'\?"):
        parse_hyperparameters({**REQUIRED, "learning_rat": "0.1"}, "here")


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_required_name_is_refused(name: str) -> None:
    with pytest.raises(HyperparameterError, match=f"'{name}' is missing"):
        parse_hyperparameters({key: value for key, value in REQUIRED.items() if key != name}, "here")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("num_classes", value) for value in ("1", "-7", "seven", "7.0", "")),
        *(("num_layers", value) for value in ("19", "0", "26")),
        *(("image_shape", value) for value in ("28", "1,28,28", "3,28", "3,0,28", "3,28,28,3", "3x28x28")),
        *(("learning_rate", value) for value in ("-0.1", "1.5", "nan", "fast")),
        *(("lr_scheduler_step", value) for value in ("20,10", "0", "10;20", "10,10")),
        ("optimizer", "adamw"),
        ("augmentation_type", "flip"),
        ("early_stopping", "1"),
        ("epochs", "0"),
        ("mini_batch_size", "0"),
        ("top_k", "1"),
        ("use_pretrained_model", "2"),
    ],
)
def test_a_value_that_the_algorithm_does_not_take_is_refused_with_place_value_and_remedy(name: str, value: str) -> None:
    with pytest.raises(HyperparameterError) as caught:
        parse_hyperparameters({**REQUIRED, name: value}, "here")
    assert str(caught.value).startswith(f"here: '{name}' is {value!r}. Make it ")


def test_a_number_that_is_not_text_is_refused_as_sagemaker_passes_texts() -> None:
    with pytest.raises(HyperparameterError, match="'epochs' is 3, not text"):
        parse_hyperparameters({**REQUIRED, "epochs": 3}, "here")


def test_as_many_as_all_classes_is_no_top_k() -> None:
    with pytest.raises(HyperparameterError, match="top_k is 7 of 7 classes"):
        parse_hyperparameters({**REQUIRED, "top_k": "7"}, "here")
