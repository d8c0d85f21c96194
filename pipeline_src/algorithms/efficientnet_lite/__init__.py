# SPDX-License-Identifier: MIT-0
"""The EfficientNet-Lite networks: their pretrained weights and their ONNX graphs, shared by the algorithms on them."""
