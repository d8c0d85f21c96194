# SPDX-License-Identifier: MIT-0
"""Prints the progress and the results of runs; holds what all commands share."""
