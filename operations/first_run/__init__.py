# SPDX-License-Identifier: MIT-0
"""The first run of a fresh deployment: walks through it and says which beliefs about AWS held (docs/beliefs.md)."""
