# SPDX-License-Identifier: MIT-0
"""The definition is the reviewed one: every change of it shows as a diff of golden/<algorithm>.json.

To accept a change: ``python -m pipeline_src.definition.pipeline NAME > tests/pipeline_src/golden/NAME.json`` with the
name of each algorithm, then read the diff.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline_src import contract, gate_thresholds
from pipeline_src.algorithms.algorithm_specification import AlgorithmSpecification
from pipeline_src.algorithms.algorithm_table import DEFAULT_ALGORITHM
from tests.pipeline_src.conftest import rendered_for
from tests.pipeline_src.definition import check, walk

GOLDEN = Path(__file__).parent / "golden"
# Keys that the service's requests may lack, so that the checker takes a definition without them or without one of
# their elements. Of their absence only the reviewed file tells, and of many test_definition_policy.py and _flow.py do.
# What is not here, the checker demands even of a file that somebody accepted without reading it.
OPTIONAL = {
    "processing": "ContainerEntrypoint ContainerArguments ProcessingInputs S3InputMode S3CompressionType FilePath",
    "training": "AlgorithmSpecification TrainingImage MetricDefinitions InputDataConfig"
    " S3DataSource InputMode VolumeSizeInGB",
    "hyperparameters": "num_classes num_training_samples image_shape seed TRAINING_ALGORITHM",
    "scoring": "ModelName Accept BatchStrategy MaxConcurrentTransforms MaxPayloadInMB ModelClientConfig"
    " InvocationsTimeoutInSeconds InvocationsMaxRetries",
    "model": "PrimaryContainer ExecutionRoleArn Image Environment ModelDataUrl",
    "register": "ModelPackageGroupName ModelMetrics ModelQuality Statistics Bias Explainability Domain Task"
    " DriftCheckBaselines ModelDataQuality Constraints SkipModelValidation"
    " InferenceSpecification SupportedContentTypes SupportedResponseMIMETypes"
    " SupportedRealtimeInferenceInstanceTypes SupportedTransformInstanceTypes",
    "evidence": "algorithm dataset_sha256 additional_sha256 report holdout champion"
    " balanced_accuracy melanoma_sensitivity melanoma_specificity melanoma_threshold test_images temperature"
    " champion_difference ModelCard ModelCardContent ModelCardStatus "
    + " ".join(contract.METADATA_REQUIREMENT + name for name in gate_thresholds.THRESHOLD_PARAMETERS),
    "security": "VolumeKmsKeyId KmsKeyId NetworkConfig EnableNetworkIsolation EnableInterContainerTrafficEncryption",
    "every job": "Tags StoppingCondition MaxRuntimeInSeconds EnableManagedSpotTraining CacheConfig ContentType"
    " S3DataDistributionType InstanceCount",
    "values": "EnumValues Values Std:JsonGet",
}


def leaves(document: Any) -> dict[str, tuple[type, Any]]:
    """Return every value of `document` that holds no other, with its type, by the way to it."""
    return {
        "/".join(map(str, path)): (type(value), value)
        for path, value in walk.places(document)
        if not isinstance(value, dict | list) or not value
    }


def differences(mine: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """Return the places at which the leaves `mine` differ from `theirs`."""
    return sorted(place for place in mine.keys() | theirs.keys() if mine.get(place) != theirs.get(place))


def changes(document: dict[str, Any], reviewed: dict[str, tuple[type, Any]]) -> list[str]:
    """Return the places at which `document` is not the reviewed one, whose leaves are given."""
    mine = leaves(document)
    return differences(mine, reviewed) or ["the order"] * (list(mine) != list(reviewed))


def without_one(text: str) -> Iterator[tuple[walk.Path, dict[str, Any]]]:
    """Yield the definition once for each thing in it, without that thing, with the way to it."""
    for path, _ in list(walk.places(json.loads(text))):
        holder = changed = json.loads(text)
        for key in path[:-1]:
            holder = holder[key]
        del holder[path[-1]]
        yield path, changed


def refused(document: dict[str, Any]) -> bool:
    """Tell whether the checker notices something, be it that it cannot go on."""
    try:
        return any(True for part in check.PARTS for _ in part(document))
    except KeyError:
        return True


def reviewed_leaves(algorithm: str) -> dict[str, tuple[type, Any]]:
    """Return the leaves of the file on disk."""
    return leaves(json.loads((GOLDEN / f"{algorithm}.json").read_text(encoding="utf-8")))


def test_the_definition_is_the_reviewed_one(algorithm: AlgorithmSpecification) -> None:
    document = json.loads(rendered_for(algorithm.name))
    wanted = "Accept it as this file's docstring says, if it is meant."
    assert changes(document, reviewed_leaves(algorithm.name)) == [], wanted


@pytest.mark.parametrize("spot", [False, True])
def test_nothing_is_wrong_with_it(algorithm: AlgorithmSpecification, spot: bool) -> None:  # noqa: FBT001  parametrized
    assert check.problems(json.loads(rendered_for(algorithm.name, spot=spot))) == []


def test_deleting_any_one_thing_differs_from_the_reviewed_file(rendered: str) -> None:
    """Each step, hyperparameter, output, job argument, tag ... of the rendering; the file on disk tells, and where."""
    reviewed = reviewed_leaves(DEFAULT_ALGORITHM)
    for path, changed in without_one(rendered):
        # Taking one from a list moves those after it, which are then named too.
        holder = "/".join(map(str, path[:-1]))
        assert any(place.startswith(holder) for place in changes(changed, reviewed)), path


def test_deleting_any_one_thing_is_refused_by_the_checker_unless_it_is_optional(rendered: str) -> None:
    """So a golden file that was accepted unread still cannot lack what the service or the graph needs."""
    taken = {
        [key for key in path if isinstance(key, str)][-1]
        for path, changed in without_one(rendered)
        if not refused(changed)
    }
    assert taken == {name for names in OPTIONAL.values() for name in names.split()}


def test_spot_capacity_changes_training_alone(algorithm: AlgorithmSpecification) -> None:
    plain, spot = (leaves(json.loads(rendered_for(algorithm.name, spot=each))) for each in (False, True))
    changed = {"/".join(place.split("/")[:4]) for place in differences(spot, plain)}
    assert changed - {"Steps/1/Arguments/CheckpointConfig"} == {
        "Steps/1/Arguments/EnableManagedSpotTraining",
        "Steps/1/Arguments/StoppingCondition",
    }
    # Results named by their content are kept and reused with and without spot capacity.
    assert ("Steps/1/Arguments/CheckpointConfig" in changed) is (algorithm.checkpoints == "training")
