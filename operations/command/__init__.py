# SPDX-License-Identifier: MIT-0
"""What a person does to an account by hand; no function of the stacks holds any of it."""
