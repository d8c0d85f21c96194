# SPDX-License-Identifier: MIT-0
"""Writes the training data, the held-out images, the manifest and the dataset card."""
