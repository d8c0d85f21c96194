# SPDX-License-Identifier: MIT-0
"""Where a delivery puts endpoints: the outputs of the deployment stack name the stack and endpoint of each stage.

Of a stage that is elsewhere, in another account, another region or both, they name account and region too.
"""

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
        title: Of the stage, as the outputs begin.
        account: Its account, where it is elsewhere; else empty.
        region: Its region, where it is elsewhere; else empty.
    """

    stack: str
    endpoint: str
    title: str = ""
    account: str = ""
    region: str = ""

    @property
    def elsewhere(self) -> bool:
        """Whether account or region differ from those of the build."""
        return bool(self.account)

    @property
    def place(self) -> str:
        """Where it is, for messages: empty where it is not elsewhere."""
        return f"account {self.account}, {self.region}" if self.elsewhere else ""


def stages(outputs: Mapping[str, str]) -> Iterator[Stage]:
    """Yield the stages that the outputs of the deployment stack name, production first."""
    for title in TITLES:
        if f"{title}Stack" in outputs:
            place = outputs.get(f"{title}Account", ""), outputs.get(f"{title}Region", "")
            yield Stage(outputs[f"{title}Stack"], outputs[f"{title}Endpoint"], title, *place)
