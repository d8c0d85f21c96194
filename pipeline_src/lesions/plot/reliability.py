# SPDX-License-Identifier: MIT-0
"""The reliability diagram: how often the model is right by how sure it is, and how often it is so sure."""

from matplotlib.axes import Axes

from pipeline_src.lesions.calibration import Calibration, Reliability
from pipeline_src.lesions.page.wording import figure
from pipeline_src.lesions.plot import canvas
from pipeline_src.lesions.plot.canvas import Plot


def reliability(calibration: Calibration) -> Plot:
    """Draw accuracy by confidence above a histogram of the confidences, as served and at the temperature."""
    drawing = canvas.figure(5.4)
    upper, lower = drawing.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    for axes in (upper, lower):
        canvas.plain(axes)
    upper.plot([0, 1], [0, 1], color=canvas.GREY, linewidth=1.0, linestyle=(0, (2, 4)), label="ideal")
    if calibration.tempered is not None and calibration.temperature is not None:
        label = f"at temperature {calibration.temperature:.2f}"
        _curve(upper, calibration.tempered, label, canvas.GREEN, "s--")
    _gaps(upper, calibration.served)
    _curve(upper, calibration.served, "as served", canvas.BLUE, "o-")
    upper.set(ylabel="share that is right", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    upper.legend(loc="upper left", fontsize=9)
    bins = calibration.served.bins
    edges = [each.lower for each in bins]
    lower.bar(
        edges,
        [each.images for each in bins],
        [each.upper - each.lower for each in bins],
        align="edge",
        color=canvas.BLUE,
        edgecolor="white",
    )
    lower.set(xlabel="confidence: probability of the predicted class", ylabel="images")
    return Plot("reliability.png", "Reliability diagram", _alt(calibration), canvas.png(drawing))


def _curve(axes: Axes, measured: Reliability, label: str, colour: str, style: str) -> None:
    known = [
        (each.confidence, each.accuracy)
        for each in measured.bins
        if each.confidence is not None and each.accuracy is not None
    ]
    axes.plot([each[0] for each in known], [each[1] for each in known], style, color=colour, markersize=6, label=label)


def _gaps(axes: Axes, measured: Reliability) -> None:
    """Mark in each bin by how much the model is surer than right."""
    over = [
        (each.confidence, each.accuracy, each.confidence)
        for each in measured.bins
        if each.confidence is not None and each.accuracy is not None and each.confidence > each.accuracy
    ]
    if over:
        axes.vlines(*zip(*over, strict=True), color=canvas.VERMILION, linewidth=5, alpha=0.35, label="overconfident by")


def _alt(calibration: Calibration) -> str:
    served = calibration.served
    alt = (
        f"Share of right answers by confidence. Expected calibration error {figure(served.error.value)},"
        f" overconfidence {figure(served.overconfidence.value)} as served."
    )
    if calibration.tempered is not None and calibration.temperature is not None:
        alt += f" At temperature {calibration.temperature:.2f}: {figure(calibration.tempered.error.value)}."
    return alt
