# SPDX-License-Identifier: MIT-0
"""Errors of the lesions library.

BadInputError: what the user gave cannot be used, or room ran out; the message says place, value, cause and remedy.
"""


class BadInputError(Exception):
    """The user's archive, parameters or disk must change before the job can succeed."""
