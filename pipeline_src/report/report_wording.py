# SPDX-License-Identifier: MIT-0
"""Wording shared by the report and the model card: statements on use, licence and ethics, numbers, gate requirements.

The statements hold for every model, whatever its metrics. The licence is that of HAM10000's page,
https://doi.org/10.7910/DVN/DBW86T. The column `dataset` of the archive's table names the source of each image:
`SYNTHETIC_SOURCE` in the synthetic archive, the names of its sources in HAM10000.

Numbers have three decimals and a real minus sign; an undefined one is "not defined" and never 0. The values that the
gate judged are truncated to three decimals, so that a missed threshold never appears met.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

from pipeline_src import contract, gate_thresholds
from pipeline_src.evaluation import confidence_intervals
from pipeline_src.evaluation.confidence_intervals import Estimate
from pipeline_src.evaluation.study_population import StudyPopulation
from pipeline_src.gate import AT_MOST, MET, ROUNDING, GateRequirement, GateVerdict

SYNTHETIC_SOURCE: Final = "synthetic"
DISCLAIMER: Final = "research use, not a medical device"

MODEL_PURPOSE: Final = (
    "Research on the automatic classification of dermatoscopic images of single skin lesions into "
    f"{len(contract.CLASS_TITLES)} diagnoses: {', '.join(contract.CLASS_TITLES.values())}."
)
INTENDED_USES: Final = (
    f"For {DISCLAIMER}. Intended for: comparing training methods, studying errors, testing how a model is released "
    "and operated. Not intended for: diagnosis, triage, screening or any decision on a person's care, alone or as a "
    "second reader; images that are not dermatoscopic (phone, clinical overview, histology); lesions of other "
    f"diagnoses, each of which the model predicts as one of its {len(contract.CLASS_TITLES)}; groups of patients and "
    "body sites named below as not evaluable; darker skin tones, for which there are no data."
)
# The first lines of the report; `INTENDED_USES` has all.
RESEARCH_USE: Final = "Research use only; not a medical device."
INTENDED_USE_SUMMARY: Final = (
    "For comparing training methods, studying errors and testing how a model is released. Not for any decision on a "
    "person's care."
)
RISK_RATING: Final = "High"
RISK_EXPLANATION: Final = (
    "Rated by the harm of unintended use, not by the metrics: a melanoma predicted as benign can cost a life, and no "
    "clinical study supports any metric here."
)
BUSINESS_PROBLEM: Final = (
    "Retrain, evaluate and release an image classifier so that a reviewer can follow every step from the archive to "
    "the endpoint."
)
BUSINESS_STAKEHOLDERS: Final = "Researchers who train and compare models; the reviewer who approves a version."
SKIN_TONE_LIMITATION: Final = (
    "Skin tone: not evaluable, because the dataset does not record it. No metric here would show a failure on dark "
    "skin."
)
PATIENT_LIMITATION: Final = (
    "Patients are not separated: HAM10000 has no patient id, so images of different lesions of one person may be in "
    "training and test, and the metrics may be optimistic for new patients."
)
_PATIENTS: Final = (
    "HAM10000's images were taken in Austria and Australia, of lesions examined for a clinical reason, mostly on light "
    "skin; about half of the diagnoses are confirmed by histopathology, the others by follow-up, consensus or confocal "
    "microscopy. Other populations, cameras and disease frequencies lead to other results."
)
_NOBODY: Final = "The images are synthetic and show no patient: the results do not apply to any person."
# This states HAM10000's licence without knowing whether the archive is HAM10000.
_LICENCE: Final = (
    "HAM10000: CC BY-NC 4.0, which excludes commercial use, also of a model trained on it as far as the licence "
    "applies. Cite: Tschandl, Rosendahl, Kittler, The HAM10000 dataset, Scientific Data 5, 180161 (2018), "
    "doi 10.7910/DVN/DBW86T. Images from other sources in the archive have their own licences."
)
_DRAWN: Final = "Synthetic images, drawn by this project, MIT-0. Results on them do not apply to skin."


def ethics_statement(sources: Mapping[str, object]) -> str:
    """Return the statement on the patients; `sources` as in `licence_statement`."""
    people = _NOBODY if set(sources) == {SYNTHETIC_SOURCE} else f"{_PATIENTS} {PATIENT_LIMITATION}"
    return f"{SKIN_TONE_LIMITATION} {people}"


def licence_statement(sources: Mapping[str, object]) -> str:
    """Return the licence of the images.

    Args:
        sources: number of images by source, from the dataset card.
    """
    if SYNTHETIC_SOURCE not in sources:
        return _LICENCE
    return _DRAWN if len(sources) == 1 else f"In part: {_DRAWN} The others, if of {_LICENCE}"


_SELECTION: Final = (
    "They were selected by whoever confirmed their labels, not at random, so their class shares and their difficulty "
    "are not those of production; the test images come only from the base archive."
)


def production_sentences(found: StudyPopulation) -> str:
    """Return count, share and classes of the production images in each split, and how they were selected; or empty."""
    parts = []
    for each in found.production:
        classes = ", ".join(f"{label} {count}" for label, count in each.by_class.items() if count)
        share = f"{each.share:.1%}".replace("%", "\u00a0%")
        parts.append(f"{format_count(each.images, 'image')} to {each.split} ({share} of its images: {classes})")
    if not parts:
        return ""
    return f"An additional archive of confirmed production images adds {'; '.join(parts)}. {_SELECTION}"


def earlier_evaluations_sentence(provenance: Mapping[str, str]) -> str:
    """Return how many candidates this test set has evaluated before; it says where nobody counted."""
    count = provenance.get(contract.EARLIER_EVALUATIONS_PARAMETER, "unknown")
    told = "were not counted" if count == "unknown" else f"on these test images: {count}"
    return (
        f"Earlier candidates {told}. Each further try on the same test images makes it more likely that a model passes "
        "by chance; the intervals do not account for it."
    )


NOT_DEFINED: Final = "not defined"
EXACT_MARK: Final = "†"


def format_value(value: float | None) -> str:
    """Return a value with three decimals, ``0.787``, or "not defined"."""
    return NOT_DEFINED if value is None else f"{value:.3f}".replace("-", "\u2212")


def format_difference(value: float | None) -> str:
    """Return a difference with its sign, ``+0.012`` or ``\u22120.012``, or "not defined"."""
    return NOT_DEFINED if value is None else f"{value:+.3f}".replace("-", "\u2212")


def format_interval(measured: Estimate) -> str:
    """Return the 95 % interval, ``0.712 to 0.853``, with a mark if it is exact; empty without one."""
    if measured.lower is None or measured.upper is None:
        return ""
    ends = f"{format_value(measured.lower)} to {format_value(measured.upper)}"
    return f"{ends} {EXACT_MARK}" if measured.method == confidence_intervals.EXACT_METHOD else ends


def format_difference_interval(measured: Estimate) -> str:
    """Return the 95 % interval of a difference: ``\u22120.031 to +0.052``; empty without one."""
    if measured.lower is None or measured.upper is None:
        return ""
    return f"{format_difference(measured.lower)} to {format_difference(measured.upper)}"


def format_value_with_interval(measured: Estimate) -> str:
    """Return the value with its interval: ``0.787 (0.712 to 0.853)``."""
    if measured.lower is None or measured.upper is None:
        return format_value(measured.value)
    return f"{format_value(measured.value)} ({format_value(measured.lower)} to {format_value(measured.upper)})"


def format_difference_with_interval(measured: Estimate) -> str:
    """Return the difference with its interval: ``\u22120.061 (\u22120.102 to \u22120.020)``."""
    within = format_difference_interval(measured)
    return f"{format_difference(measured.value)} ({within})" if within else format_difference(measured.value)


def format_p_value(value: float | None) -> str:
    """Return a p-value, ``< 0.001`` for smaller ones."""
    if value is None:
        return "\u2013"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def format_percent(fraction: float) -> str:
    """Return a fraction in percent without trailing zeros: ``85 %``."""
    return f"{100 * fraction:g}\u00a0%" if math.isfinite(fraction) else NOT_DEFINED


def format_count(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun: ``1 image``, ``1,512 images``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def format_frequency(measured: Estimate) -> str:
    """Return a share of images as a natural frequency: ``18 of 18``; empty if it is undefined."""
    if measured.value is None or not measured.images:
        return ""
    return f"{round(measured.value * measured.images):,} of {measured.images:,}"


def format_false_alarms(specificity: Estimate) -> str:
    """Return the remainder of a specificity as a natural frequency: ``0 of 117``; empty if it is undefined."""
    if specificity.value is None or not specificity.images:
        return ""
    return f"{specificity.images - round(specificity.value * specificity.images):,} of {specificity.images:,}"


def melanoma_sentence(sensitivity: Estimate, specificity: Estimate) -> str:
    """Return ``Found 18 of 18 melanomas; false alarms 0 of 117 other images.``; empty if undefined."""
    found, alarms = format_frequency(sensitivity), format_false_alarms(specificity)
    parts = [f"found {found} melanomas" if found else "", f"false alarms {alarms} other images" if alarms else ""]
    text = "; ".join(part for part in parts if part)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def format_sample_size(measured: Estimate) -> str:
    """Return the sample size: ``140 images of 110 lesions``."""
    return f"{format_count(measured.images, 'image')} of {format_count(measured.lesions, 'lesion')}"


def join_names(names: list[str], most: int) -> str:
    """Return at most `most` names in a sentence: ``female, 45 to 59 and 3 more``."""
    shown = names[:most]
    return ", ".join(shown) + (f" and {len(names) - most} more" if len(names) > most else "")


# By name of the requirement: its title, and a note.
REQUIREMENT_TITLES: Final = {
    "balanced_accuracy": ("Balanced accuracy", f"mean of the {len(contract.CLASS_LABELS)} classes"),
    "balanced_accuracy_lower": ("Balanced accuracy, lower end", "of its 95 % interval"),
    "melanoma_sensitivity": ("Melanoma sensitivity", "at the threshold"),
    "melanoma_sensitivity_lower": ("Melanoma sensitivity, lower end", "of its 95 % interval"),
    "melanoma_specificity": ("Melanoma specificity", "at the threshold"),
    "malignant_sensitivity": (
        "Malignant or premalignant sensitivity",
        f"top class of these images ({', '.join(contract.MALIGNANT)}) is any of them",
    ),
    "class_sensitivity": ("Top-class sensitivity", "of the weakest class"),
    "test_images": ("Test images", "of the rarest class"),
    "subgroup_balanced_accuracy": ("Subgroup balanced accuracy", "simultaneous upper bound of the weakest group"),
    "overconfidence": ("Overconfidence", "mean confidence minus accuracy"),
    "leaked_test_images": ("Leaked test images", "whose lesion was trained on under another id"),
    "champion_balanced_accuracy_loss": ("Loss of balanced accuracy", "largest plausible, against the champion"),
    "champion_melanoma_area_loss": (
        "Loss of melanoma AUC above 0.80",
        "area above a sensitivity of 0.80: largest plausible loss against the champion",
    ),
}
# Requirements on a share of images, which can be said as a natural frequency too.
_FREQUENCIES: Final = frozenset(
    {"melanoma_sensitivity", "melanoma_specificity", "malignant_sensitivity", "class_sensitivity"}
)
_WHOLE: Final = 1e-6  # of a share times its number of images, which is a count
NAMED_REQUIREMENTS: Final = 3  # requirements named in the sentence; the table has all


def requirement_title(name: str) -> str:
    """Return the title of the requirement `name`, or its name if it has no title."""
    return REQUIREMENT_TITLES.get(name, (name.replace("_", " ").capitalize(), ""))[0]


def requirement_note(requirement: GateRequirement) -> str:
    """Return the note of a requirement, with the class or subgroup that has the judged value."""
    about = REQUIREMENT_TITLES.get(requirement.name, ("", ""))[1]
    place = requirement.place
    if place in contract.CLASS_TITLES:
        place = f"{contract.CLASS_TITLES[place]} ({place})"
    return ": ".join(part for part in (about, place) if part)


def judged_text(requirement: GateRequirement) -> str:
    """Return the judged value with three decimals, truncated towards a miss; its text if there is no value."""
    return requirement.got_text if requirement.got is None else _cut(requirement.got, up=requirement.sense == AT_MOST)


def judged_interval(requirement: GateRequirement) -> str:
    """Return the interval of the judged value, ``0.711 to 0.845``, with its ends rounded outwards; empty if none."""
    if requirement.lower is None or requirement.upper is None:
        return ""
    return f"{_cut(requirement.lower, up=False)} to {_cut(requirement.upper, up=True)}"


def judged_frequency(requirement: GateRequirement) -> str:
    """Return the judged value as a natural frequency: ``18 of 18``; empty if it is not a share of images."""
    if requirement.name not in _FREQUENCIES or requirement.got is None or not requirement.images:
        return ""
    count = requirement.got * requirement.images
    return f"{round(count):,} of {requirement.images:,}" if abs(count - round(count)) < _WHOLE else ""


def _cut(value: float, *, up: bool) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    scaled = math.ceil((value - ROUNDING) * 1000) if up else math.floor((value + ROUNDING) * 1000)
    return format_value(scaled / 1000)


def gate_profile(verdict: GateVerdict) -> str:
    """Return the name of the threshold profile that the verdict was made with; ``custom`` for other thresholds."""
    wanted = {each.name: each.wanted for each in verdict.requirements}
    profiles = gate_thresholds.THRESHOLD_PROFILES.items()
    return next((name for name, thresholds in profiles if asdict(thresholds) == wanted), "custom")


def verdict_sentence(verdict: GateVerdict) -> str:
    """Return the verdict in one sentence, with the requirements that are not met."""
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
    return (
        f"{requirement_title(requirement.name).lower()} {judged_text(requirement)} (required {requirement.wanted_text})"
    )
