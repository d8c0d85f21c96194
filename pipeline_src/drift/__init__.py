# SPDX-License-Identifier: MIT-0
"""Compares captured production requests with the baseline of the model."""
