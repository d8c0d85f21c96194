# SPDX-License-Identifier: MIT-0
"""The monitoring stack: notifications, alarms, dashboard, drift detection and budget."""
