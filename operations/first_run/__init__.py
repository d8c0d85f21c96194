# SPDX-License-Identifier: MIT-0
"""Walks through the first run of a fresh deployment and reports which beliefs about AWS held (docs/beliefs.md)."""
