# SPDX-License-Identifier: MIT-0
"""Suppressions of cdk-nag findings, each with its reason."""
