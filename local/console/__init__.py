# SPDX-License-Identifier: MIT-0
"""Consoles, progress and summaries of the commands."""
