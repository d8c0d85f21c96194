# SPDX-License-Identifier: MIT-0
"""Deletes a deployment and lists what is left."""
