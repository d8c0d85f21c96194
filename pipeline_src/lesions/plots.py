# SPDX-License-Identifier: MIT-0
"""The report's pictures: PNG bytes that are the same for the same figures.

A figure is five inches wide, so that its 9 to 11 point text stays that size on a phone. Colours are those of Okabe and
Ito, "Color Universal Design" (2008), which stay apart for colour-blind readers; line styles tell the curves apart too.
"""

import io
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pipeline_src import contract
from pipeline_src.lesions import metrics
from pipeline_src.lesions.evaluation import Evaluation, figure

DOTS_PER_INCH: Final = 200
BLUE: Final = "#0072B2"
ORANGE: Final = "#E69F00"
GREY: Final = "#6B7280"
# One style a class, in the order of `contract.CLASS_LABELS`; melanoma stands out.
CURVES: Final = (
    ("#D55E00", "-", 2.8),
    ("#000000", "-", 1.4),
    ("#0072B2", "--", 1.6),
    ("#56B4E9", "-", 1.6),
    ("#009E73", "-.", 1.6),
    ("#E69F00", "--", 1.6),
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


def roc(evaluation: Evaluation) -> Plot:
    """Draw each class's ROC curve, and the melanoma operating point on its own."""
    drawing, axes = _canvas(5.0, 5.2)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=(0, (2, 4)), label="guessing 0.500")
    for position, label in enumerate(contract.CLASS_LABELS):
        curve, auc = metrics.roc(evaluation.test, position), evaluation.per_class[label].auc
        if curve is not None:
            colour, style, width = CURVES[position]
            rates = curve.false_positive_rate, curve.true_positive_rate
            axes.plot(*rates, color=colour, linestyle=style, linewidth=width, label=f"{label} {figure(auc)}")
    point = evaluation.melanoma
    if point.sensitivity is not None and point.specificity is not None:
        (spot,) = axes.plot([1 - point.specificity], [point.sensitivity], "o", markersize=11, zorder=5)
        spot.set(label="melanoma\noperating point", markerfacecolor="white", markeredgewidth=2.2)
        spot.set_markeredgecolor(CURVES[0][0])
    axes.set(xlabel="1 - specificity", ylabel="sensitivity", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.legend(loc="lower right", fontsize=9, title="area under the curve", title_fontsize=9)
    areas = ", ".join(f"{label} {figure(figures.auc)}" for label, figures in evaluation.per_class.items())
    alt = f"ROC curves of the seven classes on the test images. Areas under the curve: {areas}."
    return Plot("roc.png", "ROC curves, each class against the rest", alt, _png(drawing))


def confusion(evaluation: Evaluation) -> Plot:
    """Draw the confusion matrix: colour is the share of the true class, text the share and the count."""
    counts = metrics.confusion(evaluation.test)
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    drawing, axes = _canvas(5.0, 4.9)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(counts.shape):
        number, share = counts[row, column], shares[row, column]
        text = f"{share:.0%}\n{number}" if number else "·"
        axes.text(column, row, text, ha="center", va="center", fontsize=9, color="white" if share > 0.6 else "black")
    names = [f"{label}\nn={total}" for label, total in zip(contract.CLASS_LABELS, totals[:, 0], strict=True)]
    axes.set_xticks(range(len(names)), contract.CLASS_LABELS, fontsize=9)
    axes.set_yticks(range(len(names)), names, fontsize=9)
    axes.set(xlabel="predicted", ylabel="true")
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    return Plot("confusion_matrix.png", "Confusion matrix", _confusion_alt(counts), _png(drawing))


def per_class(evaluation: Evaluation) -> Plot:
    """Draw sensitivity and specificity of each class as bars."""
    drawing, axes = _canvas(5.0, 4.9)
    labels = contract.CLASS_LABELS
    rows = np.arange(len(labels))
    for name, colour, hatch, offset in (("sensitivity", BLUE, "", -0.2), ("specificity", ORANGE, "//", 0.2)):
        values = [getattr(evaluation.per_class[label], name) for label in labels]
        lengths = [value or 0.0 for value in values]
        axes.barh(rows + offset, lengths, 0.38, color=colour, hatch=hatch, edgecolor="white", label=name)
        for row, value in zip(rows, values, strict=True):
            text = "not defined" if value is None else f"{value:.2f}"
            axes.text((value or 0.0) + 0.01, row + offset, text, va="center", fontsize=8)
    names = [f"{label}\nn={evaluation.per_class[label].test_images}" for label in labels]
    axes.set_yticks(rows, names, fontsize=9)
    axes.set(xlim=(0, 1.12), xlabel="share of the test images")
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.legend(loc="upper center", bbox_to_anchor=(0.45, 1.09), ncols=2, frameon=False, fontsize=9)
    said = ", ".join(f"{label} {figure(figures.sensitivity)}" for label, figures in evaluation.per_class.items())
    alt = f"Bars of sensitivity and specificity by class. Sensitivity: {said}."
    return Plot("per_class.png", "Sensitivity and specificity by class", alt, _png(drawing))


def _confusion_alt(counts: npt.NDArray[np.int64]) -> str:
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    row, column = np.unravel_index(np.argmax(wrong), wrong.shape)
    labels = contract.CLASS_LABELS
    alt = f"Confusion matrix of {counts.sum()} test images; {np.trace(counts)} are right."
    if wrong.any():
        alt += f" The commonest mistake: {wrong[row, column]} of {labels[row]} taken for {labels[column]}."
    return alt


def _canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """Return a figure of `width` by `height` inches that no global state of matplotlib can touch."""
    drawing = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(drawing)
    axes = drawing.add_subplot()
    axes.grid(visible=True, color="#E5E7EB", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return drawing, axes


def _png(drawing: Figure) -> bytes:
    """Return the figure without the note by which matplotlib dates it to its version."""
    data = io.BytesIO()
    drawing.savefig(data, format="png", metadata={"Software": None})
    return data.getvalue()
