# SPDX-License-Identifier: MIT-0
"""Training algorithms: one folder each; and the model server that those with an ONNX model share."""

import os

# The official builds of ONNX Runtime send events to their maker and keep an identifier of the machine in the home
# folder, unless this is set before the first import of onnxruntime (its Privacy.md). A package's __init__ runs before
# all of its modules, so only modules of this package import onnxruntime.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
