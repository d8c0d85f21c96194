# SPDX-License-Identifier: MIT-0
"""Accounts, stacks, AWS errors and terminal output, for all commands."""
