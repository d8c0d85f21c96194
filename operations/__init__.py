# SPDX-License-Identifier: MIT-0
"""Acts on an account, through boto3: by hand as ``python -m operations``, and as the functions of the stacks."""
