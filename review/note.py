# SPDX-License-Identifier: MIT-0
"""One sentence of a review."""

import dataclasses
from collections.abc import Iterable


@dataclasses.dataclass(frozen=True)
class Note:
    """One sentence.

    Attributes:
        text: Markdown, without a full stop.
        needs_attention: Whether somebody should look at it before it is merged.
    """

    text: str
    needs_attention: bool = False


def alarming(notes: Iterable[Note]) -> list[Note]:
    """Return those that need attention."""
    return [each for each in notes if each.needs_attention]
