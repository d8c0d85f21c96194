# SPDX-License-Identifier: MIT-0
"""The pipeline: its definition, and the code that its jobs run."""
