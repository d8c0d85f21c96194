# SPDX-License-Identifier: MIT-0
"""The service's own model of its requests and answers, as botocore ships it: no account, no network."""

import re
from functools import cache

import botocore.loaders
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape

# Step type -> the operation whose request its arguments are, and the one whose answer its properties are.
_OPERATIONS = {
    "Processing": ("CreateProcessingJob", "DescribeProcessingJob"),
    "Training": ("CreateTrainingJob", "DescribeTrainingJob"),
    "Tuning": ("CreateHyperParameterTuningJob", "DescribeHyperParameterTuningJob"),
    "Model": ("CreateModel", "DescribeModel"),
    "Transform": ("CreateTransformJob", "DescribeTransformJob"),
    "RegisterModel": ("CreateModelPackage", "DescribeModelPackage"),
}
_PART = re.compile(r"\.?(?P<name>\w+)|\[(?P<index>[^\]]+)\]")


@cache
def _model() -> ServiceModel:
    return ServiceModel(botocore.loaders.Loader().load_service_model("sagemaker", "service-2"))


def request_shape(step_type: str) -> Shape | None:
    """Return the shape of the request that a step of `step_type` sends, None if it sends none."""
    operations = _OPERATIONS.get(step_type)
    return _model().operation_model(operations[0]).input_shape if operations else None


def property_shape(step_type: str, path: str) -> Shape | None:
    """Return the shape of property `path` of a step of `step_type`, None if there is none.

    Args:
        step_type: For example ``Training``.
        path: For example ``ModelArtifacts.S3ModelArtifacts``.
    """
    operations = _OPERATIONS.get(step_type)
    shape = _model().operation_model(operations[1]).output_shape if operations else None
    for part in _PART.finditer(path):
        if part["name"] and isinstance(shape, StructureShape):
            shape = shape.members.get(part["name"])
        elif part["index"] and isinstance(shape, ListShape):
            shape = shape.member
        elif part["index"] and isinstance(shape, MapShape):
            shape = shape.value
        else:
            return None
    return shape
