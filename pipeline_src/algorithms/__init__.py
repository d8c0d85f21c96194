# SPDX-License-Identifier: MIT-0
"""The training algorithms, one folder each, and the model server that those with ONNX models share."""
