# SPDX-License-Identifier: MIT-0
"""Values from which pipeline.py renders the pipeline definition: deployment, parameters and job specifications."""
