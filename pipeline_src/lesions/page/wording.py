# SPDX-License-Identifier: MIT-0
"""Figures in words, the same all over the report: three decimals, a real minus, and "not defined" instead of 0."""

import math
from typing import Final

from pipeline_src.lesions import estimate
from pipeline_src.lesions.estimate import Estimate

NOT_DEFINED: Final = "not defined"
EXACT_MARK: Final = "†"


def figure(value: float | None) -> str:
    """Return a figure: ``0.787``, or that there is none."""
    return NOT_DEFINED if value is None else f"{value:.3f}".replace("-", "\u2212")


def signed(value: float | None) -> str:
    """Return a difference with its sign: ``+0.012``, ``\u22120.012``, or that there is none."""
    return NOT_DEFINED if value is None else f"{value:+.3f}".replace("-", "\u2212")


def interval(measured: Estimate) -> str:
    """Return the 95 % interval: ``0.712 to 0.853``, with a mark if it is exact; empty where there is none."""
    if measured.lower is None or measured.upper is None:
        return ""
    ends = f"{figure(measured.lower)} to {figure(measured.upper)}"
    return f"{ends} {EXACT_MARK}" if measured.method == estimate.EXACT else ends


def signed_interval(measured: Estimate) -> str:
    """Return the 95 % interval of a difference: ``\u22120.031 to +0.052``; empty where there is none."""
    if measured.lower is None or measured.upper is None:
        return ""
    return f"{signed(measured.lower)} to {signed(measured.upper)}"


def full_signed(measured: Estimate) -> str:
    """Return the difference with its interval: ``\u22120.061 (\u22120.102 to \u22120.020)``."""
    within = signed_interval(measured)
    return f"{signed(measured.value)} ({within})" if within else signed(measured.value)


def probability(value: float | None) -> str:
    """Return a p-value, cut below at one in a thousand."""
    if value is None:
        return "\u2013"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def percent(fraction: float) -> str:
    """Return a fraction in percent without useless digits: ``85 %``."""
    return f"{100 * fraction:g}\u00a0%" if math.isfinite(fraction) else NOT_DEFINED


def count(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun: ``1 image``, ``1,512 images``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def size(measured: Estimate) -> str:
    """Return what it was measured on: ``140 images of 110 lesions``."""
    return f"{count(measured.images, 'image')} of {count(measured.lesions, 'lesion')}"


def listed(names: list[str], most: int) -> str:
    """Return names in a sentence, at most so many: ``female, 45 to 59 and 3 more``."""
    shown = names[:most]
    return ", ".join(shown) + (f" and {len(names) - most} more" if len(names) > most else "")
