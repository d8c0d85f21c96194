# SPDX-License-Identifier: MIT-0
"""Errors of the review. Every message says place, value, cause and remedy."""


class ReviewError(Exception):
    """Base of all errors; its text is all that the user needs, and `exit_code` is that of the command."""

    exit_code: int = 2


class UsageError(ReviewError):
    """An argument of the command line is invalid."""


class SynthesisError(ReviewError):
    """The app of one side does not synthesize."""


class ComparisonError(ReviewError):
    """The templates cannot be read or compared."""


class StoppedError(ReviewError):
    """The command was interrupted, by the user or by a signal."""

    exit_code = 130
