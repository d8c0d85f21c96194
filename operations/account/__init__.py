# SPDX-License-Identifier: MIT-0
"""What all commands share: the deployment's account and stacks, AWS errors, terminal output."""
