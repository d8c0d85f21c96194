# SPDX-License-Identifier: MIT-0
"""What a container starts: adapters that map /opt/ml onto the lesions library."""
