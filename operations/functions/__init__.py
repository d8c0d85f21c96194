# SPDX-License-Identifier: MIT-0
"""The code of the Lambda functions; the Lambda package holds this folder and no other."""
