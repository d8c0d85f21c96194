# SPDX-License-Identifier: MIT-0
"""The endpoint stacks of staging and production: template, alarms, rollout and roles."""
