# SPDX-License-Identifier: MIT-0
"""The library that the jobs are made of: files in, files out; no AWS, no SageMaker."""
