# SPDX-License-Identifier: MIT-0
"""The stack of a stage whose endpoint is in another account or region."""
