# SPDX-License-Identifier: MIT-0
"""Deletes a deployment: lists it, asks, stops what runs, and deletes it in order."""
