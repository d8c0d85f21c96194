# SPDX-License-Identifier: MIT-0
"""The retraining stack: the state machine that starts the SageMaker pipeline, and all that starts it."""
