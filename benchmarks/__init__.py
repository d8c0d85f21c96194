# SPDX-License-Identifier: MIT-0
"""Measures the speed and memory of preprocessing, and the sensitivity of the drift monitor."""
