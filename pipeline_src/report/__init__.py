# SPDX-License-Identifier: MIT-0
"""Writes the HTML report and the model card of an evaluation."""
