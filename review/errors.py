# SPDX-License-Identifier: MIT-0
"""What can go wrong in a review, as one tree.

ReviewError                 every message says place, value, cause and remedy; `exit_code` is the command's: 2
├── UsageError              what was typed names nothing that can be compared
├── SynthesisError          a side's app does not synthesize
├── ComparisonError         the templates could not be read or compared
└── StoppedError            the user, or whoever runs the job, stopped the command: exit code 130
"""


class ReviewError(Exception):
    """A failure whose text is all that the user needs to read."""

    exit_code: int = 2


class UsageError(ReviewError):
    """What was typed names nothing that can be compared."""


class SynthesisError(ReviewError):
    """A side's app does not synthesize."""


class ComparisonError(ReviewError):
    """The templates could not be read or compared."""


class StoppedError(ReviewError):
    """The user, or whoever runs the job, stopped the command."""

    exit_code = 130
