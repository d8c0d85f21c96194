# SPDX-License-Identifier: MIT-0
"""The confusion matrix: what the images of each class were taken for."""

import numpy as np
import numpy.typing as npt

from pipeline_src import contract
from pipeline_src.lesions import metrics
from pipeline_src.lesions.plot import canvas
from pipeline_src.lesions.plot.canvas import Plot
from pipeline_src.lesions.prediction import Predictions


def confusion(predictions: Predictions, name: str, images: str) -> Plot:
    """Draw the matrix: colour is the share of the true class, text the share and the count.

    Args:
        predictions: the images.
        name: of the file.
        images: what the images are called, for example "test images".
    """
    counts = metrics.confusion(predictions)
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    drawing = canvas.figure(4.9)
    axes = canvas.axes_of(drawing)
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
    return Plot(name, f"Confusion matrix, {images}", _alt(counts, images), canvas.png(drawing))


def _alt(counts: npt.NDArray[np.int64], images: str) -> str:
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    row, column = np.unravel_index(np.argmax(wrong), wrong.shape)
    labels = contract.CLASS_LABELS
    alt = f"Confusion matrix of {counts.sum()} {images}; {np.trace(counts)} are right."
    if wrong.any():
        alt += f" The commonest mistake: {wrong[row, column]} of {labels[row]} taken for {labels[column]}."
    return alt
