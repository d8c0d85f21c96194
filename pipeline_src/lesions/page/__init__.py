# SPDX-License-Identifier: MIT-0
"""The words and looks of the report: templates, style sheet, and the sentences that depend on the figures."""
