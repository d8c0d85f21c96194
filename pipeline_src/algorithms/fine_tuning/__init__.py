# SPDX-License-Identifier: MIT-0
"""Algorithm `fine_tuning`: an EfficientNet-Lite trained end to end from ImageNet weights with PyTorch."""
