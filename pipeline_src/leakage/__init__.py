# SPDX-License-Identifier: MIT-0
"""Finds images in different splits that show the same lesion."""
