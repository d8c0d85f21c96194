# SPDX-License-Identifier: MIT-0
"""Exports labelled production images as an additional archive."""
