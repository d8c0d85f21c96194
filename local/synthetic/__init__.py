# SPDX-License-Identifier: MIT-0
"""Draws synthetic archives in the layout of HAM10000."""
