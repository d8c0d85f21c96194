# SPDX-License-Identifier: MIT-0
"""Algorithm `builtin_image_classification`: AWS's MXNet algorithm in AWS's image."""
