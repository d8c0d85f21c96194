# SPDX-License-Identifier: MIT-0
"""Training algorithms: one folder each."""
