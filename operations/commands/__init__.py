# SPDX-License-Identifier: MIT-0
"""The commands that a person runs on a deployed account."""
