# SPDX-License-Identifier: MIT-0
"""Checks whether account, region and machine have what a deployment needs; changes nothing."""
