# SPDX-License-Identifier: MIT-0
"""Algorithms: one folder each, and the model server that those with an ONNX model share."""
