# SPDX-License-Identifier: MIT-0
"""SageMaker's pipeline expressions as text, so that a step's values read as what they mean.

Source: "Amazon SageMaker Model Building Pipelines: pipeline definition JSON schema", the functions Get, Std:Join and
Std:JsonGet.
"""

import re
from typing import Any, Final

_STEP: Final = re.compile(r"Steps\.([A-Za-z0-9_-]+)")


def readable(value: Any) -> Any:  # noqa: ANN401  any JSON
    """Return `value` with text in place of its expressions, such as ``{Parameters.Epochs}``."""
    if isinstance(value, list):
        return [readable(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"Get"}:
        return "{" + str(value["Get"]) + "}"
    if value.keys() == {"Std:Join"}:
        join = value["Std:Join"]
        return str(join.get("On", "")).join(str(readable(each)) for each in join.get("Values", []))
    if value.keys() == {"Std:JsonGet"}:
        got = value["Std:JsonGet"]
        return f"{readable(got.get('PropertyFile'))}#{readable(got.get('Path'))}"
    return {key: readable(each) for key, each in value.items()}


def steps_read(value: Any) -> set[str]:  # noqa: ANN401  any JSON
    """Return the names of the steps that a readable value refers to."""
    if isinstance(value, str):
        return {name for part in re.findall(r"{[^}]*}", value) for name in _STEP.findall(part)}
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {name for child in children for name in steps_read(child)}


def reads_parameter(value: Any, name: str) -> bool:  # noqa: ANN401  any JSON
    """Return whether a readable value refers to the pipeline's parameter `name`."""
    if isinstance(value, str):
        return f"{{Parameters.{name}}}" in value
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(reads_parameter(child, name) for child in children)
