# SPDX-License-Identifier: MIT-0
"""The training stack: the job image, the roles and the SageMaker pipeline."""
