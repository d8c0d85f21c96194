# SPDX-License-Identifier: MIT-0
"""Serves a registered model, captures its requests, monitors them and exports labelled ones."""
