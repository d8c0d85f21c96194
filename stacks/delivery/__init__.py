# SPDX-License-Identifier: MIT-0
"""The deployment stack: delivers an approved model package to staging and to production."""
