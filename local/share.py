# SPDX-License-Identifier: MIT-0
"""How far several jobs of one step are together, as one line of progress."""

import threading
from collections.abc import Callable

from pipeline_src import contract


class Share:
    """What several jobs report, summed.

    Args:
        jobs: How many there are. Those that report nothing yet count as long as the longest.
        line: Gets the sum as a line of progress.
    """

    def __init__(self, jobs: int, line: Callable[[str], None]) -> None:
        self._jobs, self._line = jobs, line
        self._far: dict[int, tuple[int, int]] = {}
        self._lock = threading.Lock()

    def take(self, job: int, line: str) -> None:
        """Take a line of job number `job`."""
        if progress := contract.PROGRESS.match(line):
            with self._lock:
                self._far[job] = int(progress["done"]), int(progress["total"])
                self._tell(progress["unit"])

    def end(self, job: int) -> None:
        """Note that job number `job` ended, however far it came."""
        with self._lock:
            longest = max((total for _, total in self._far.values()), default=0)
            self._far[job] = longest, longest

    def _tell(self, unit: str) -> None:
        longest = max(total for _, total in self._far.values())
        done = sum(done for done, _ in self._far.values())
        total = sum(total for _, total in self._far.values()) + longest * (self._jobs - len(self._far))
        self._line(contract.progress_line(min(done, total), total, f"{unit} of {self._jobs} jobs"))
