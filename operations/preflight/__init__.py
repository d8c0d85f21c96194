# SPDX-License-Identifier: MIT-0
"""Checks the account, region and machine before a deployment, without changing anything."""
