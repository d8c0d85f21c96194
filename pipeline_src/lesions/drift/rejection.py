# SPDX-License-Identifier: MIT-0
"""Captured lines that could not be used, counted by reason, with where the first of each stand."""

import threading
from dataclasses import dataclass, field
from typing import Final

from pipeline_src.lesions.drift.capture import CaptureError, Place

EXAMPLES: Final = 3  # of each reason


@dataclass
class Rejections:
    """The tally; any thread may add to it, and in whichever order they do, it says the same.

    Attributes:
        counts: lines by reason.
        examples: of each reason the first places, in the order of the files, with what is wrong there.
    """

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[tuple[Place, str]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, place: Place, error: CaptureError) -> None:
        """Count the line at `place`."""
        with self._lock:
            self.counts[error.reason] = self.counts.get(error.reason, 0) + 1
            shown = [*self.examples.get(error.reason, []), (place, error.detail)]
            self.examples[error.reason] = sorted(shown)[:EXAMPLES]

    @property
    def total(self) -> int:
        """All lines that could not be used."""
        return sum(self.counts.values())

    def as_json(self) -> dict[str, object]:
        """Return the tally by reason, in the order of the alphabet."""
        return {
            reason: {
                "lines": count,
                "first": [{"place": str(place), "what": what} for place, what in self.examples[reason]],
            }
            for reason, count in sorted(self.counts.items())
        }
