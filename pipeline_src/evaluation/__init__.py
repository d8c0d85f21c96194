# SPDX-License-Identifier: MIT-0
"""Measures a model on held-out images and compares it with the champion."""
