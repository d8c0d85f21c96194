# SPDX-License-Identifier: MIT-0
"""Looks, before a deployment, whether account, region and machine have what it needs; changes nothing.

One module for each check, which yields findings; `runner` calls them, `report` shows what they found.
"""
