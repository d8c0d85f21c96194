# SPDX-License-Identifier: MIT-0
"""What is said of every model made here, whatever its figures: what it is for, what not, and whose the images are.

The licence is that of HAM10000's page, https://doi.org/10.7910/DVN/DBW86T; what an archive holds is told by the column
`dataset` of its table, which the synthetic archive fills with `SYNTHETIC` and HAM10000 with the names of its sources.
"""

from collections.abc import Mapping
from typing import Final

SYNTHETIC: Final = "synthetic"
DISCLAIMER: Final = "research use, not a medical device"

PURPOSE: Final = (
    "Research on the automatic classification of dermatoscopic images of single skin lesions into the seven diagnoses "
    "of HAM10000: melanoma, melanocytic nevus, basal cell carcinoma, actinic keratosis / intraepithelial carcinoma, "
    "benign keratosis, dermatofibroma, vascular lesion."
)
INTENDED_USES: Final = (
    f"For {DISCLAIMER}. Meant for: comparing training methods, studying errors, trying out how a model is released "
    "and operated. Not meant for: diagnosis, triage, screening or any decision on a person's care, alone or as a "
    "second reader; images that are not dermatoscopic (phone, clinical overview, histology); lesions of other "
    "diagnoses than the seven, all of which it would call one of the seven; groups of patients and body sites named "
    "below as not evaluable; darker skin tones, of which nothing is known."
)
RISK: Final = "High"
RISK_EXPLANATION: Final = (
    "Rated by the harm of using it for what it is not meant for, not by its figures: a melanoma called benign can cost "
    "a life, and no clinical study stands behind any figure here."
)
PROBLEM: Final = (
    "Retrain, judge and release an image classifier so that a reviewer can follow every step from the archive to the "
    "endpoint."
)
STAKEHOLDERS: Final = "Researchers who train and compare models; the reviewer who approves a version."
SKIN_TONE: Final = (
    "Skin tone: not evaluable, for the dataset does not record it; a model can fail on dark skin without any figure "
    "here showing it."
)
_PATIENTS: Final = (
    "HAM10000's images were taken in Austria and Australia, of lesions that somebody had reason to examine, mostly on "
    "light skin; about half of the diagnoses are confirmed by histopathology, the others by follow-up, consensus or "
    "confocal microscopy. Other populations, cameras and frequencies of disease give other figures."
)
_NOBODY: Final = "The images are drawn and show nobody: nothing here tells how the model would do on anyone."
# The licence's first sentence is a fact of HAM10000, whether or not the archive is HAM10000: nothing here can tell.
_LICENCE: Final = (
    "HAM10000: CC BY-NC 4.0, which excludes commercial use, of a model trained on it too as far as the licence "
    "reaches. Cite: Tschandl, Rosendahl, Kittler, The HAM10000 dataset, Scientific Data 5, 180161 (2018), "
    "doi 10.7910/DVN/DBW86T. Images of other origin in the archive have licences of their own."
)
_DRAWN: Final = "Synthetic images, drawn by this project, MIT-0. Figures on them say nothing about skin."


def ethics(sources: Mapping[str, object]) -> str:
    """Return whom the images show; `sources` as in `licence`."""
    return f"{SKIN_TONE} {_NOBODY if set(sources) == {SYNTHETIC} else _PATIENTS}"


def licence(sources: Mapping[str, object]) -> str:
    """Return whose the images are, and what they may be used for.

    Args:
        sources: number of images by the collection that they come from, as the dataset card has it.
    """
    if SYNTHETIC not in sources:
        return _LICENCE
    return _DRAWN if len(sources) == 1 else f"In part: {_DRAWN} The others, if of {_LICENCE}"
