# SPDX-License-Identifier: MIT-0
"""Each resource as the request by which CloudFormation creates it, checked against the service's own model.

CloudFormation's property names differ from the API's in case (CodePipeline, CodeBuild, Logs), in the form of tags
and of documents, and in few names, which stand in operation.py; `_fit` brings them together by the shape of the
request.
"""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.loaders
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StringShape, StructureShape
from botocore.validate import ParamValidator

from tests.pipeline_src.definition import limit
from tests.proof import operation
from tests.proof.intrinsic import Documents, Resource, resources


def problems(documents: Documents) -> Iterator[str]:
    """Yield what the services would refuse in the resources of `documents`."""
    for resource in resources(documents):
        yield from (f"{resource.place} ({resource.kind}): {problem}" for problem in of_resource(resource))


def of_resource(resource: Resource) -> Iterator[str]:
    """Yield what its service would refuse in `resource`."""
    if resource.kind.startswith(operation.NOT_REPLAYED):
        return
    if resource.kind not in operation.OPERATIONS:
        yield "no operation is known that creates it; name it in tests/proof/operation.py"
        return
    for request in operation.requests(resource):
        shape = _model(request.service).operation_model(request.operation).input_shape
        yield from (f"{request.operation}: {problem}" for problem in _refused(request.parameters, shape))


def _refused(parameters: dict[str, Any], shape: Shape) -> Iterator[str]:
    fitted = _fit(parameters, shape)
    report = ParamValidator().validate(fitted, shape)
    if report.has_errors():
        yield report.generate_report()
    else:
        yield from limit.problems(fitted, shape)


def _fit(value: Any, shape: Shape) -> Any:
    """Return `value`, which is in CloudFormation's words, in those of `shape`; what it does not know stays as it is."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return _structure(value, shape)
    if isinstance(shape, ListShape):
        pairs = [{"Key": name, "Value": each} for name, each in value.items()] if isinstance(value, dict) else value
        return [_fit(each, shape.member) for each in pairs] if isinstance(pairs, list) else value
    if isinstance(shape, MapShape):
        named = {each["Key"]: each["Value"] for each in value} if isinstance(value, list) else value
        return {name: _fit(each, shape.value) for name, each in named.items()} if isinstance(named, dict) else value
    return _text(value) if isinstance(shape, StringShape) else value


def _structure(value: dict[str, Any], shape: StructureShape) -> dict[str, Any]:
    members = {name.lower(): name for name in shape.members}
    named = {members.get(name.lower(), name): each for name, each in value.items()}
    return {name: _fit(each, shape.members[name]) if name in shape.members else each for name, each in named.items()}


def _text(value: Any) -> Any:
    """Return a document as JSON and a boolean as CloudFormation writes it; a number where a text belongs stays."""
    return json.dumps(value) if isinstance(value, dict | bool) else value


@cache
def _model(service: str) -> ServiceModel:
    return ServiceModel(botocore.loaders.Loader().load_service_model(service, "service-2"))
