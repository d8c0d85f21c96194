# SPDX-License-Identifier: MIT-0
"""The commands of ``python -m local``."""
