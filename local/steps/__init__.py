# SPDX-License-Identifier: MIT-0
"""Executes each type of pipeline step: Processing, Training, Tuning, Transform, Model, RegisterModel."""
