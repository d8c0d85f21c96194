# SPDX-License-Identifier: MIT-0
"""Where bytes come from: what messages call it, and how to have it anew, which depends on who made it."""

from dataclasses import dataclass
from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of archive.

    Attributes:
        name: what messages call it.
        again: what to do where it is damaged.
        whole: what to do where something is missing in it, or it is another file.
    """

    name: str
    again: str
    whole: str


@dataclass(frozen=True, slots=True)
class Source:
    """An archive, or a place in it; as text it is its name."""

    name: str
    again: str

    def __str__(self) -> str:
        """Return its name."""
        return self.name

    def within(self, name: str) -> "Source":
        """Return the place `name` in it, which is had anew as the whole is."""
        return Source(f"{self.name}: {name}", self.again)
