# SPDX-License-Identifier: MIT-0
"""The settings of a deployment: their values, how they are read, and what they must satisfy."""
