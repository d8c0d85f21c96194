# SPDX-License-Identifier: MIT-0
"""Frozen pretrained backbone with a regularised multinomial head, on a CPU."""
