# SPDX-License-Identifier: MIT-0
"""Checks what the lock files pin: known vulnerabilities (`make audit`) and licences (`make licences`)."""
