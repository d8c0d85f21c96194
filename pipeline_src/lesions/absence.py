# SPDX-License-Identifier: MIT-0
"""The object that stands in for an input which there is not: a processing job cannot be started without one."""

import json

from pipeline_src import contract


def said(content: str | bytes) -> bool:
    """Return whether `content` is that object's: `contract.ABSENT`, however it is laid out."""
    try:
        return bool(json.loads(content) == json.loads(contract.ABSENT))
    except (ValueError, RecursionError):
        return False
