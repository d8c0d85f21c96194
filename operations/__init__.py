# SPDX-License-Identifier: MIT-0
"""Acts on an account through boto3: Lambda functions and the commands of ``python -m operations``."""
