# SPDX-License-Identifier: MIT-0
"""What every job uses: errors, worker threads and temporary files."""
