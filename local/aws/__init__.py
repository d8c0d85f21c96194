# SPDX-License-Identifier: MIT-0
"""Stands in for AWS services on this machine: S3, pipeline executions, the model registry, data capture."""
