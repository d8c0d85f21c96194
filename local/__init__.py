# SPDX-License-Identifier: MIT-0
"""Runs the pipeline definition on this machine; never deployed."""
