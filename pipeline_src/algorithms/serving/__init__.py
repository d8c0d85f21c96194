# SPDX-License-Identifier: MIT-0
"""The artifact of an ONNX model, and the server that answers with it."""
