# SPDX-License-Identifier: MIT-0
"""Constructs and IAM statements that several stacks use: buckets, keys, topics, access across accounts."""
