# SPDX-License-Identifier: MIT-0
"""The infrastructure: what `cdk deploy` provisions. Here and in app.py, and nowhere else, is aws_cdk imported."""
