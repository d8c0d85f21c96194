# SPDX-License-Identifier: MIT-0
"""Where a delivery puts endpoints: the outputs of the deployment stack name the stack and endpoint of each stage."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

TITLES: Final = ("Production", "Staging")


@dataclass(frozen=True)
class Stage:
    """One endpoint's place.

    Attributes:
        stack: Name of the endpoint's stack.
        endpoint: Name of the endpoint.
    """

    stack: str
    endpoint: str


def stages(outputs: Mapping[str, str]) -> Iterator[Stage]:
    """Yield the stages that the outputs of the deployment stack name, production first."""
    for title in TITLES:
        if f"{title}Stack" in outputs:
            yield Stage(outputs[f"{title}Stack"], outputs[f"{title}Endpoint"])
