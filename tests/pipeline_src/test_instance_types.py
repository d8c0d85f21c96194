# SPDX-License-Identifier: MIT-0
"""The table of instance types says what AWS says, and settings, model package and prices go by it alone."""

import json
import re
from typing import Any

import botocore.session
import pytest

from pipeline_src.algorithms.algorithm_specification import AlgorithmSpecification
from pipeline_src.algorithms.algorithm_table import ALGORITHMS, DEFAULT_ALGORITHM
from pipeline_src.definition import instance_types, job_specs
from pipeline_src.definition.instance_types import (
    ENDPOINT,
    KINDS,
    PROCESSING,
    TRANSFORM,
    InstanceUse,
    training_use,
)
from pipeline_src.definition.pipeline_parameters import pipeline_parameters
from stacks.settings import aws_prices
from stacks.settings.settings_context import SettingError, settings_from_context
from stacks.settings.settings_validation import validate_settings
from tests.pipeline_src.instance_table import ec2_types, sagemaker_types, table

TRAINING = training_use(ALGORITHMS[DEFAULT_ALGORITHM])
SETTINGS = {
    "training.preprocess_instance": PROCESSING,
    "training.train_instance": TRAINING,
    "training.score_instance": TRANSFORM,
    "training.evaluate_instance": PROCESSING,
    "monitor.instance": PROCESSING,
    "staging.instance": ENDPOINT,
    "production.instance": ENDPOINT,
}
# What the API Reference says of a key and local storage.
REFUSED = "You can't request a VolumeKmsKeyId when using an instance type with local storage"
IGNORED = "the KmsKeyId parameter does not encrypt instance local storage"
KEYS = {
    "processing": ("ProcessingClusterConfig", "VolumeKmsKeyId", REFUSED),
    "transform": ("TransformResources", "VolumeKmsKeyId", REFUSED),
    "endpoint": ("CreateEndpointConfigInput", "KmsKeyId", IGNORED),
}


def said_of(place: str, name: str, **more: str) -> str:
    """What is said of a setting; empty if it is accepted."""
    try:
        validate_settings(settings_from_context({place: name, "training.tuning_usd": 0, **more}))
    except SettingError as error:
        return str(error)
    return ""


def test_the_table_is_the_one_that_the_locked_packages_give() -> None:
    wanted = "run: PYTHONPATH=. .venv/app/bin/python tests/pipeline_src/instance_table.py, and read the diff"
    assert instance_types.INSTANCE_TABLE.read_text(encoding="utf-8") == table(), wanted


def test_types_that_ec2_does_not_describe_are_those_that_it_no_longer_offers_by_themselves() -> None:
    taken = {name for names in sagemaker_types().values() for name in names}
    left = {name.split(".")[1] for name in taken if name.removeprefix("ml.") not in ec2_types()}
    assert left == {"p2", "p3", "dl1", "p6e-gb200"}


@pytest.mark.parametrize("use", [PROCESSING, TRANSFORM, ENDPOINT], ids=lambda use: use.kind)
def test_where_a_use_gives_a_key_the_api_refuses_or_ignores_it_for_local_storage(use: InstanceUse) -> None:
    shape, member, wanted = KEYS[use.kind]
    model = botocore.session.Session().get_service_model("sagemaker")
    said = re.sub("<[^>]+>", "", model.shape_for(shape).members[member].documentation)
    assert wanted in " ".join(said.split())
    assert use.volume_key


def test_the_definition_gives_a_key_to_each_use_that_says_so_and_to_no_other(document: Any) -> None:
    found = {
        step["Type"]: "VolumeKmsKeyId" in json.dumps(step["Arguments"])
        for step in document["Steps"]
        if step["Type"] in ("Processing", "Training", "Transform")
    }
    algorithm = ALGORITHMS[DEFAULT_ALGORITHM]
    training = instance_types.training_volume_key(algorithm, algorithm.default_instance)
    assert found == {"Processing": PROCESSING.volume_key, "Training": training, "Transform": TRANSFORM.volume_key}


@pytest.mark.parametrize("place", SETTINGS)
def test_a_setting_takes_a_type_exactly_if_its_use_allows_it(place: str) -> None:
    """Of all that SageMaker takes for anything, and of what it does not take."""
    names = {name for names in sagemaker_types().values() for name in names} | {"ml.c5.lrage", "c5.large", "ml."}
    said = {name: said_of(place, name) for name in names}
    assert {name for name in names if not said[name]} == {*instance_types.allowed_instance_types(SETTINGS[place])}
    for name in names:
        form = rf"setting '{place}': '{re.escape(name)}': .+; give one such as (ml\.\S+), (ml\.\S+) or (ml\.\S+)"
        found = re.fullmatch(form, said[name]) if said[name] else None
        assert not said[name] or (
            found and {*found.groups()} <= {*instance_types.allowed_instance_types(SETTINGS[place])}
        ), said[name]


@pytest.mark.parametrize("use", {use.kind: use for use in SETTINGS.values()}.values(), ids=lambda use: use.kind)
def test_what_is_allowed_is_taken_by_sagemaker_and_fits_image_and_key(use: InstanceUse) -> None:
    described = ec2_types()
    for name in instance_types.allowed_instance_types(use):
        assert name in sagemaker_types()[use.kind]
        found = described[name.removeprefix("ml.")]
        assert "x86_64" in found["ProcessorInfo"]["SupportedArchitectures"]
        assert not (use.volume_key and found["InstanceStorageSupported"])
        assert "NeuronInfo" not in found
    assert use.kind in KINDS


def test_the_model_package_promises_what_the_settings_allow() -> None:
    promised = job_specs.INFERENCE_ARGUMENTS
    assert [name for name in promised["inference_instances"] if said_of("production.instance", name)] == []
    assert [name for name in promised["transform_instances"] if said_of("training.score_instance", name)] == []
    assert {*promised["inference_instances"]} == {*instance_types.allowed_instance_types(ENDPOINT)}
    assert {*promised["transform_instances"]} == {*instance_types.allowed_instance_types(TRANSFORM)}


def test_an_algorithm_for_gpus_takes_their_families_alone() -> None:
    algorithm = ALGORITHMS["builtin_image_classification"]
    assert {name.split(".")[1] for name in instance_types.allowed_instance_types(training_use(algorithm))} == {
        *algorithm.instance_families
    }
    chosen = {"training.algorithm": algorithm.name}
    assert said_of("training.train_instance", "ml.g5.xlarge", **chosen) == ""
    assert algorithm.instance_reason in said_of("training.train_instance", "ml.c5.2xlarge", **chosen)


def test_every_default_of_the_pipeline_is_allowed(algorithm: AlgorithmSpecification) -> None:
    uses = {
        "Preprocess": PROCESSING,
        "Train": training_use(algorithm),
        "Score": TRANSFORM,
        "Evaluate": PROCESSING,
    }
    defaults = {
        each.name.removesuffix("InstanceType"): str(each.default)
        for each in pipeline_parameters(algorithm)
        if each.name.endswith("InstanceType")
    }
    assert defaults.keys() == uses.keys()
    assert [step for step, name in defaults.items() if instance_types.instance_type_refusal(uses[step], name)] == []


def test_every_price_is_of_a_type_that_some_setting_takes() -> None:
    uses = (*SETTINGS.values(), *map(training_use, ALGORITHMS.values()))
    takes = {name for use in uses for name in instance_types.allowed_instance_types(use)}
    assert aws_prices.INSTANCE_HOUR.keys() <= takes
