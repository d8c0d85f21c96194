# SPDX-License-Identifier: MIT-0
"""Measures the preprocessing job against what two cores can do at best."""
