# SPDX-License-Identifier: MIT-0
"""What every plot is drawn on: PNG bytes that are the same for the same figures.

A figure is five inches wide, so that its 8 to 11 point text stays that size on a phone.
"""

import io
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

DOTS_PER_INCH: Final = 200
WIDTH: Final = 5.0  # inches
INK: Final = "#14181F"
GREY: Final = "#6B7280"
PALE: Final = "#E5E7EB"
BLUE: Final = "#0072B2"
ORANGE: Final = "#E69F00"
VERMILION: Final = "#D55E00"
GREEN: Final = "#009E73"
# One style a class, in the order of `contract.CLASS_LABELS`; melanoma stands out.
CURVES: Final = (
    (VERMILION, "-", 2.8),
    ("#000000", "-", 1.4),
    (BLUE, "--", 1.6),
    ("#56B4E9", "-", 1.6),
    (GREEN, "-.", 1.6),
    (ORANGE, "--", 1.6),
    ("#CC79A7", ":", 2.2),
)


@dataclass(frozen=True)
class Plot:
    """A picture of the report.

    Attributes:
        name: its file name.
        title: what it shows.
        alt: what it says, for a reader who cannot see it.
        png: its bytes.
    """

    name: str
    title: str
    alt: str
    png: bytes


def figure(height: float) -> Figure:
    """Return an empty figure of `height` inches that takes no part in matplotlib's global state."""
    drawing = Figure(figsize=(WIDTH, height), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(drawing)
    return drawing


def axes_of(drawing: Figure) -> Axes:
    """Return the one pair of axes of `drawing`, with a pale grid."""
    axes = drawing.add_subplot()
    plain(axes)
    return axes


def plain(axes: Axes) -> None:
    """Give `axes` a pale grid behind everything, and no frame on top and on the right."""
    axes.grid(visible=True, color=PALE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def png(drawing: Figure) -> bytes:
    """Return the figure without the note by which matplotlib dates it to its version."""
    data = io.BytesIO()
    drawing.savefig(data, format="png", metadata={"Software": None})
    return data.getvalue()
