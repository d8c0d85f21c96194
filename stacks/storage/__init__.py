# SPDX-License-Identifier: MIT-0
"""The storage stack, and the Lambda function construct that logs under its key."""
