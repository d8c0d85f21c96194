# SPDX-License-Identifier: MIT-0
"""Lambda functions, and the commands of ``python -m operations``."""
