# SPDX-License-Identifier: MIT-0
"""Validates a pipeline definition and executes its steps."""
