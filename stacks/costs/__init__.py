# SPDX-License-Identifier: MIT-0
"""What a deployment costs, and what it requires of the account: printed, not deployed."""
