# SPDX-License-Identifier: MIT-0
"""Fixtures of the report's tests."""

from tests.jobs.evaluation.conftest import room

__all__ = ["room"]
