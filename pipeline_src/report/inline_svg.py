# SPDX-License-Identifier: MIT-0
"""Turns a Matplotlib figure into SVG that stands inside an HTML page and follows its light or dark colours.

The same figure gives the same bytes: ids come from a fixed salt, and the file names neither a date nor a version. Text
stays text, in the font of the page. Colours of ink, grid and background become the style sheet's variables; those of
the data are readable on both backgrounds and stay as they are.

Source: Matplotlib's documentation, "Customizing Matplotlib", for `svg.hashsalt` and `svg.fonttype`.
"""

import html
import io
import re
from typing import Final

import matplotlib as mpl
from matplotlib.figure import Figure

INK: Final = "#14181F"
GREY: Final = "#6B7280"
PALE: Final = "#E5E7EB"
BASELINE: Final = "#C4CAD3"
ON_STRONG: Final = "#FEFEFE"  # text on a strong colour; not the white of the background

# Colours of a figure, and the variables of style.css that replace them.
_VARIABLES: Final = {
    INK: "--ink",
    "#000000": "--ink",
    GREY: "--soft",
    PALE: "--line",
    BASELINE: "--bar",
    ON_STRONG: "--on-strong",
    "#FFFFFF": "--card",
}
_NO_METADATA: Final = {"Date": None, "Creator": None, "Format": None, "Type": None}
_REFERENCE: Final = re.compile(r"(?:url\(|href=\")#([\w.-]+)")


def figure_svg(drawing: Figure, name: str, alt: str) -> str:
    """Return `drawing` as an ``svg`` element.

    Args:
        drawing: the figure.
        name: prefix of its ids, which keeps them apart from those of the page's other figures.
        alt: text alternative.
    """
    data = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        drawing.savefig(data, format="svg", metadata=_NO_METADATA)
    text = data.getvalue()
    text = text[text.index("<svg") :].strip()
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r" font-family: [^;\"]*;?", "", text)
    text = re.sub(r" transform=\"rotate\(-0 [^\"]*\"", "", text)
    text = re.sub(r"\s*\n\s*", " ", text).replace("> <", "><").replace("<defs></defs>", "")
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour.lower(), f"var({variable})")
    view = text.partition('viewBox="')[2].partition('"')[0]
    label = html.escape(alt, quote=True)
    opening = f'<svg role="img" aria-label="{label}" viewBox="{view}" xmlns:xlink="http://www.w3.org/1999/xlink">'
    return opening + _prefix_ids(text[text.index(">") + 1 :], name)


def _prefix_ids(text: str, name: str) -> str:
    """Return `text` with a prefix before each id that it refers to, and without all other ids."""
    used = set(_REFERENCE.findall(text))

    def renamed(found: re.Match[str]) -> str:
        return f' id="{name}-{found[1]}"' if found[1] in used else ""

    text = re.sub(r' id="([^"]*)"', renamed, text)
    return _REFERENCE.sub(lambda found: found[0].replace(f"#{found[1]}", f"#{name}-{found[1]}"), text)
