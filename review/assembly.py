# SPDX-License-Identifier: MIT-0
"""What a cloud assembly (a cdk.out folder) holds: its stacks, those of nested assemblies and nested stacks included.

Source of the format: the CDK's cloud-assembly schema, `manifest.json`; artifacts of type aws:cloudformation:stack
have a template, those of type cdk:cloud-assembly are folders with a manifest of their own (a cdk.Stage).
"""

import dataclasses
import json
from pathlib import Path
from typing import Any, Final

from review.error import ComparisonError

_STACK: Final = "aws:cloudformation:stack"
_ASSEMBLY: Final = "cdk:cloud-assembly"
_NESTED: Final = ".nested.template.json"


@dataclasses.dataclass(frozen=True)
class Stack:
    """One template and where it goes.

    Attributes:
        name: The construct's path, such as ``Production/Endpoint``: what the two sides are matched by.
        template: Path of its JSON.
        physical_name: The name that CloudFormation knows it by; empty for a nested stack.
        environment: Such as ``aws://111111111111/eu-west-1``.
        protected: Whether it is protected against deletion.
    """

    name: str
    template: Path
    physical_name: str = ""
    environment: str = ""
    protected: bool = False


def stacks(folder: Path) -> dict[str, Stack]:
    """Return the stacks of the assembly in `folder`, by name.

    Raises:
        ComparisonError: It is no cloud assembly.
    """
    found: dict[str, Stack] = {}
    for name, artifact in _manifest(folder).get("artifacts", {}).items():
        properties = artifact.get("properties", {})
        if artifact.get("type") == _STACK:
            stack = _stack(folder, name, artifact)
            found[stack.name] = stack
        elif artifact.get("type") == _ASSEMBLY:
            found |= stacks(folder / properties["directoryName"])
    return dict(sorted((found | _nested(folder)).items()))


def _stack(folder: Path, name: str, artifact: dict[str, Any]) -> Stack:
    properties = artifact["properties"]
    return Stack(
        artifact.get("displayName") or name,
        folder / properties["templateFile"],
        properties.get("stackName", name),
        artifact.get("environment", ""),
        bool(properties.get("terminationProtection")),
    )


def _nested(folder: Path) -> dict[str, Stack]:
    paths = folder.glob(f"*{_NESTED}")
    return {name: Stack(name, path) for path in paths for name in [path.name.removesuffix(_NESTED)]}


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    except (OSError, ValueError) as error:
        raise ComparisonError(
            f"{folder.name}: no cloud assembly ({type(error).__name__}). Let app.py end with app.synth()."
        ) from error
    return manifest
