# SPDX-License-Identifier: MIT-0
"""The diagnoses that the model tells apart. To add a class, add a row to `CLASSES`.

Standard library only: the containers, the SDK side and the CDK side all read this table. It holds the diagnoses of
HAM10000, https://doi.org/10.7910/DVN/DBW86T, in the order of the ISIC 2018 Task 3 submission format.

`local.synthetic` draws a class that its own tables do not list with an appearance derived from the position in
`CLASSES`. The thresholds of the gate are argued for these classes in `pipeline_src/gate_thresholds.py`.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class DiagnosisClass:
    """One class.

    Attributes:
        label: its code in the column `dx` of the metadata table, and in every file and metric.
        title: its clinical name.
        malignant: malignant or premalignant: whether calling it benign counts as a miss in `malignant_sensitivity`.
        colour: its colour in charts, as ``#RRGGBB``.
        line: its line style in charts, in Matplotlib's notation.
        line_width: in points.
    """

    label: str
    title: str
    malignant: bool
    colour: str
    line: str
    line_width: float = 1.6


# A class's position is its integer label in RecordIO headers and its column in every score vector: append new classes.
# Source of the colours: Okabe and Ito, "Color Universal Design" (2008), which colour-blind readers tell apart.
CLASSES: Final = (
    DiagnosisClass(label="mel", title="melanoma", malignant=True, colour="#D55E00", line="-", line_width=2.8),
    DiagnosisClass(label="nv", title="melanocytic nevus", malignant=False, colour="#000000", line="-", line_width=1.4),
    DiagnosisClass(label="bcc", title="basal cell carcinoma", malignant=True, colour="#0072B2", line="--"),
    DiagnosisClass(
        label="akiec",
        title="actinic keratosis / intraepithelial carcinoma",
        malignant=True,
        colour="#56B4E9",
        line="-",
    ),
    DiagnosisClass(label="bkl", title="benign keratosis", malignant=False, colour="#009E73", line="-."),
    DiagnosisClass(label="df", title="dermatofibroma", malignant=False, colour="#E69F00", line="--"),
    DiagnosisClass(label="vasc", title="vascular lesion", malignant=False, colour="#CC79A7", line=":", line_width=2.2),
)
MELANOMA: Final = "mel"  # the class that has an operating point of its own
