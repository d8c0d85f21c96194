# SPDX-License-Identifier: MIT-0
"""Distributes the tests over processes: by file, the longest files first, and tests that share one run together."""

from collections.abc import Iterable
from typing import Any, Final

import pytest

# All use the finished run of the demo, which takes longest.
DEMO: Final = (
    "tests/loop/test_demo.py",
    "tests/loop/test_feedback.py",
    "tests/loop/test_documented_commands.py",
)
# Files of over five seconds, the longest first. Begun last, one of them would leave the other processor idle.
LONGEST: Final = (
    *DEMO,
    "tests/loop/test_digits.py",
    "tests/proof/test_mutation.py",
    "tests/proof/test_template.py",
    "tests/stacks/test_region_support.py",
    "tests/proof/test_synthesis.py",
    "tests/pipeline_src/test_definition_golden.py",
    "tests/stacks/test_shipped_code.py",
    "tests/review/test_review_app.py",
    "tests/proof/test_nag.py",
    "tests/proof/test_account.py",
    "tests/local/engine/test_definition_mutation.py",
)


def file_scheduling(config: pytest.Config, log: Any) -> Any:
    """Return pytest-xdist's distribution by file, in which the files of the demo count as one."""
    from xdist.scheduler import LoadFileScheduling

    class FileScheduling(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            return DEMO[0] if file in DEMO else file

    return FileScheduling(config, log)


def longest_first(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """Return the tests with those of the longest files first, else in their order."""
    order = {file: number for number, file in enumerate(LONGEST)}
    return sorted(items, key=lambda item: order.get(item.nodeid.partition("::")[0], len(LONGEST)))
