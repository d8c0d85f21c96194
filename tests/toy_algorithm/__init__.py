# SPDX-License-Identifier: MIT-0
"""Algorithm `toy`: the class whose mean color is nearest."""
