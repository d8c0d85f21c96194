# SPDX-License-Identifier: MIT-0
"""Entry points of the containers: they map /opt/ml onto the other folders."""
