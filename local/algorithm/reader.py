# SPDX-License-Identifier: MIT-0
"""Readers: each turns a hyperparameter's text into its value, or refuses it with a ValueError."""

from collections.abc import Callable
from typing import Final

from local.algorithm.network import LARGE_PICTURE_LAYERS, SMALL_PICTURE_LAYERS

SMALLEST_SIDE: Final = 8  # pixels: the small-picture network halves a side twice and needs some left


def integer(least: int) -> Callable[[str], int]:
    """Return a reader of integers from `least`."""

    def read(text: str) -> int:
        value = int(text)
        if value < least:
            raise ValueError(text)
        return value

    return read


def fraction(text: str) -> float:
    """Read a number from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError(text)
    return value


def one_of(*choices: str) -> Callable[[str], str]:
    """Return a reader of one of `choices`."""

    def read(text: str) -> str:
        return choices[choices.index(text)]

    return read


def layers(text: str) -> int:
    """Read a depth of one of the two families of networks."""
    value = int(text)
    if value not in SMALL_PICTURE_LAYERS + LARGE_PICTURE_LAYERS:
        raise ValueError(text)
    return value


def shape(text: str) -> tuple[int, int, int]:
    """Read channels, height and width, such as ``3,224,224``; there are three channels always."""
    channels, height, width = (int(part) for part in text.split(","))
    if channels != 3 or min(height, width) < SMALLEST_SIDE:
        raise ValueError(text)
    return channels, height, width


def epochs(text: str) -> tuple[int, ...]:
    """Read ascending epochs, such as ``10,20``; no text is no epoch."""
    steps = tuple(int(part) for part in text.split(",")) if text else ()
    if any(step < 1 for step in steps) or list(steps) != sorted(set(steps)):
        raise ValueError(text)
    return steps


def truth(text: str) -> bool:
    """Read True or False, in any case."""
    choices = {"true": True, "false": False}
    if text.lower() not in choices:
        raise ValueError(text)
    return choices[text.lower()]
