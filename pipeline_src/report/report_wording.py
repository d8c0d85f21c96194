# SPDX-License-Identifier: MIT-0
"""What is said of every model made here, whatever its figures: what it is for, what not, and whose the images are.

The licence is that of HAM10000's page, https://doi.org/10.7910/DVN/DBW86T; what an archive holds is told by the column
`dataset` of its table, which the synthetic archive fills with `SYNTHETIC` and HAM10000 with the names of its sources.

Figures in words, the same all over the report: three decimals, a real minus, and "not defined" instead of 0.

The requirements' names for a reader who knows medicine rather than the code, and the verdict in one sentence.
"""

import math
from collections.abc import Mapping
from typing import Final

from pipeline_src import contract
from pipeline_src.evaluation import confidence_intervals
from pipeline_src.evaluation.confidence_intervals import Estimate
from pipeline_src.gate import MET, GateRequirement, GateVerdict

SYNTHETIC_SOURCE: Final = "synthetic"
DISCLAIMER: Final = "research use, not a medical device"

MODEL_PURPOSE: Final = (
    "Research on the automatic classification of dermatoscopic images of single skin lesions into "
    f"{len(contract.CLASS_TITLES)} diagnoses: {', '.join(contract.CLASS_TITLES.values())}."
)
INTENDED_USES: Final = (
    f"For {DISCLAIMER}. Meant for: comparing training methods, studying errors, trying out how a model is released "
    "and operated. Not meant for: diagnosis, triage, screening or any decision on a person's care, alone or as a "
    "second reader; images that are not dermatoscopic (phone, clinical overview, histology); lesions of other "
    f"diagnoses, each of which the model predicts as one of its {len(contract.CLASS_TITLES)}; groups of patients and "
    "body sites named below as not evaluable; darker skin tones, of which nothing is known."
)
RISK_RATING: Final = "High"
RISK_EXPLANATION: Final = (
    "Rated by the harm of using it for what it is not meant for, not by its figures: a melanoma called benign can cost "
    "a life, and no clinical study stands behind any figure here."
)
BUSINESS_PROBLEM: Final = (
    "Retrain, judge and release an image classifier so that a reviewer can follow every step from the archive to the "
    "endpoint."
)
BUSINESS_STAKEHOLDERS: Final = "Researchers who train and compare models; the reviewer who approves a version."
SKIN_TONE_LIMITATION: Final = (
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


def ethics_statement(sources: Mapping[str, object]) -> str:
    """Return whom the images show; `sources` as in `licence`."""
    return f"{SKIN_TONE_LIMITATION} {_NOBODY if set(sources) == {SYNTHETIC_SOURCE} else _PATIENTS}"


def licence_statement(sources: Mapping[str, object]) -> str:
    """Return whose the images are, and what they may be used for.

    Args:
        sources: number of images by the collection that they come from, as the dataset card has it.
    """
    if SYNTHETIC_SOURCE not in sources:
        return _LICENCE
    return _DRAWN if len(sources) == 1 else f"In part: {_DRAWN} The others, if of {_LICENCE}"


NOT_DEFINED: Final = "not defined"
EXACT_MARK: Final = "†"


def format_value(value: float | None) -> str:
    """Return a figure: ``0.787``, or that there is none."""
    return NOT_DEFINED if value is None else f"{value:.3f}".replace("-", "\u2212")


def format_difference(value: float | None) -> str:
    """Return a difference with its sign: ``+0.012``, ``\u22120.012``, or that there is none."""
    return NOT_DEFINED if value is None else f"{value:+.3f}".replace("-", "\u2212")


def format_interval(measured: Estimate) -> str:
    """Return the 95 % interval: ``0.712 to 0.853``, with a mark if it is exact; empty where there is none."""
    if measured.lower is None or measured.upper is None:
        return ""
    ends = f"{format_value(measured.lower)} to {format_value(measured.upper)}"
    return f"{ends} {EXACT_MARK}" if measured.method == confidence_intervals.EXACT_METHOD else ends


def format_difference_interval(measured: Estimate) -> str:
    """Return the 95 % interval of a difference: ``\u22120.031 to +0.052``; empty where there is none."""
    if measured.lower is None or measured.upper is None:
        return ""
    return f"{format_difference(measured.lower)} to {format_difference(measured.upper)}"


def format_difference_with_interval(measured: Estimate) -> str:
    """Return the difference with its interval: ``\u22120.061 (\u22120.102 to \u22120.020)``."""
    within = format_difference_interval(measured)
    return f"{format_difference(measured.value)} ({within})" if within else format_difference(measured.value)


def format_p_value(value: float | None) -> str:
    """Return a p-value, cut below at one in a thousand."""
    if value is None:
        return "\u2013"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def format_percent(fraction: float) -> str:
    """Return a fraction in percent without useless digits: ``85 %``."""
    return f"{100 * fraction:g}\u00a0%" if math.isfinite(fraction) else NOT_DEFINED


def format_count(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun: ``1 image``, ``1,512 images``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def format_sample_size(measured: Estimate) -> str:
    """Return what it was measured on: ``140 images of 110 lesions``."""
    return f"{format_count(measured.images, 'image')} of {format_count(measured.lesions, 'lesion')}"


def join_names(names: list[str], most: int) -> str:
    """Return names in a sentence, at most so many: ``female, 45 to 59 and 3 more``."""
    shown = names[:most]
    return ", ".join(shown) + (f" and {len(names) - most} more" if len(names) > most else "")


# Name of the requirement: its title, and what it is about.
REQUIREMENT_TITLES: Final = {
    "balanced_accuracy": ("Balanced accuracy", f"mean of the {len(contract.CLASS_LABELS)} classes"),
    "balanced_accuracy_lower": ("Balanced accuracy, lower end", "of its 95 % interval"),
    "melanoma_sensitivity": ("Melanoma sensitivity", "at the operating point"),
    "melanoma_sensitivity_lower": ("Melanoma sensitivity, lower end", "of its 95 % interval"),
    "melanoma_specificity": ("Melanoma specificity", "at the operating point"),
    "malignant_sensitivity": (
        "Malignant sensitivity",
        f"malignant images ({', '.join(contract.MALIGNANT)}) predicted as any malignant class",
    ),
    "class_sensitivity": ("Class sensitivity", "of the weakest class"),
    "test_images": ("Test images", "of the rarest class"),
    "subgroup_balanced_accuracy": ("Subgroup balanced accuracy", "of the weakest, at best, judging all groups at once"),
    "overconfidence": ("Overconfidence", "how much surer than right"),
    "leaked_test_images": ("Leaked test images", "whose lesion was trained on under another id"),
    "champion_balanced_accuracy_loss": ("Loss of balanced accuracy", "at worst, against the champion"),
    "champion_melanoma_sensitivity_loss": ("Loss of melanoma sensitivity", "at worst, against the champion"),
    "champion_melanoma_specificity_loss": ("Loss of melanoma specificity", "at worst, against the champion"),
}
NAMED_REQUIREMENTS: Final = 3  # requirements that the sentence names; the table has all


def requirement_title(name: str) -> str:
    """Return the title of the requirement `name`; a new one without a title goes by its name."""
    return REQUIREMENT_TITLES.get(name, (name.replace("_", " ").capitalize(), ""))[0]


def requirement_note(requirement: GateRequirement) -> str:
    """Return what it is about, with the class or subgroup that decided."""
    about = REQUIREMENT_TITLES.get(requirement.name, ("", ""))[1]
    place = requirement.place
    if place in contract.CLASS_TITLES:
        place = f"{contract.CLASS_TITLES[place]} ({place})"
    return ": ".join(part for part in (about, place) if part)


def verdict_sentence(verdict: GateVerdict) -> str:
    """Return the verdict in one sentence, naming what was missed."""
    every = verdict.requirements
    missed = [each for each in every if not each.passed]
    if missed:
        names = join_names([_missed_requirement(each) for each in missed], NAMED_REQUIREMENTS)
        return f"The model misses {len(missed)} of the {len(every)} requirements of the gate: {names}."
    met = [each for each in every if each.verdict == MET]
    if len(met) == len(every):
        return f"The model meets each of the {len(every)} requirements of the gate."
    why = ", ".join(sorted({each.verdict for each in every if each not in met}))
    return f"The model meets {len(met)} of the {len(every)} requirements of the gate; the others do not apply ({why})."


def _missed_requirement(requirement: GateRequirement) -> str:
    return f"{requirement_title(requirement.name).lower()} {requirement.got_text} (wanted {requirement.wanted_text})"
