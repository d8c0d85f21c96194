# SPDX-License-Identifier: MIT-0
"""Runs a container's job as a process of this machine, or in its image with podman or docker."""
