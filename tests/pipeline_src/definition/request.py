# SPDX-License-Identifier: MIT-0
"""Each step's arguments as the request that the service gets: types, names, and the limits of every value.

botocore itself checks names, types and lower bounds before it sends; enums, patterns and upper bounds it leaves
to the service, so `limit` walks them. What is computed when the pipeline runs is stood for by a sample of its type.
"""

from collections.abc import Iterator
from typing import Any

from botocore.model import StructureShape
from botocore.validate import ParamValidator

from tests.pipeline_src.definition import limit, service, walk

# The service names the job and the model; a definition leaves that out.
_NAMED_BY_THE_SERVICE = (
    "ProcessingJobName",
    "TrainingJobName",
    "HyperParameterTuningJobName",
    "ModelName",
    "TransformJobName",
)
_JSON_VALUE = "1"  # what a report's value becomes in a request: a string


def problems(document: dict[str, Any]) -> Iterator[str]:
    """Yield what the service would refuse in the requests of `document`."""
    defaults = {parameter["Name"]: parameter["DefaultValue"] for parameter in document["Parameters"]}
    kinds = {step["Name"]: step["Type"] for step in walk.steps(document)}
    for step in walk.steps(document):
        shape = service.request_shape(step["Type"])
        if isinstance(shape, StructureShape):
            arguments = _resolved(step["Arguments"], defaults, kinds)
            yield from (f"{step['Name']}: {problem}" for problem in _request(arguments, shape))


def _request(arguments: dict[str, Any], shape: StructureShape) -> Iterator[str]:
    names = {name: "sample" for name in _NAMED_BY_THE_SERVICE if name in shape.required_members}
    report = ParamValidator().validate({**names, **arguments}, shape)
    if report.has_errors():
        yield report.generate_report()
    else:
        yield from limit.problems(arguments, shape)


def _resolved(value: Any, defaults: dict[str, Any], kinds: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_resolved(each, defaults, kinds) for each in value]
    if not isinstance(value, dict):
        return value
    if not walk.is_function(value):
        return {key: _resolved(each, defaults, kinds) for key, each in value.items()}
    if "Get" in value:
        return _got(value["Get"], defaults, kinds)
    if "Std:JsonGet" in value:
        return _JSON_VALUE
    join = value["Std:Join"]
    return join["On"].join(str(_resolved(each, defaults, kinds)) for each in join["Values"])


def _got(reference: str, defaults: dict[str, Any], kinds: dict[str, str]) -> Any:
    kind, _, name = reference.partition(".")
    if kind == "Parameters":
        return defaults.get(name, "sample")
    step, _, path = name.partition(".")
    shape = service.property_shape(kinds.get(step, ""), path)
    if shape is not None and shape.type_name != "string":
        return 1
    # A reference into nowhere has no type; `graph` reports it.
    return "s3://sample/key" if path.endswith(("Uri", "Path", "S3ModelArtifacts")) else "sample"
