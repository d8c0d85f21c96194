# SPDX-License-Identifier: MIT-0
"""Parses the arguments of a processing job."""

import argparse
from typing import NoReturn

from pipeline_src.runtime.errors import BadInputError


class JobArgumentParser(argparse.ArgumentParser):
    """An argument parser that raises BadInputError, so that the message becomes the execution's failure reason."""

    def error(self, message: str) -> NoReturn:
        """Raise `message` instead of exiting the process."""
        raise BadInputError(f"arguments: {message}. Correct the pipeline's parameter.")


def non_negative_fraction(text: str) -> float:
    """Return `text` as a number from 0 to 1; refuse NaN."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to 1")
    return value


def positive_fraction(text: str) -> float:
    """Return `text` as a number above 0, at most 1."""
    value = non_negative_fraction(text)
    if not value:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def whole_number(text: str) -> int:
    """Return `text` as a whole number from 0."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return value


def name_value_pair(text: str) -> tuple[str, str]:
    """Return the name and the value of ``NAME=VALUE``."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME=VALUE")
    return name, value
