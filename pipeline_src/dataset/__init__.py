# SPDX-License-Identifier: MIT-0
"""Reads image archives, plans the split and prepares the images."""
