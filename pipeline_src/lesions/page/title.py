# SPDX-License-Identifier: MIT-0
"""The requirements' names for a reader who knows medicine rather than the code, and the verdict in one sentence."""

from typing import Final

from pipeline_src import contract
from pipeline_src.gate import Requirement, Verdict
from pipeline_src.lesions.page import wording
from pipeline_src.requirement import MET

# Name of the requirement: its title, and what it is about.
REQUIREMENTS: Final = {
    "balanced_accuracy": ("Balanced accuracy", "mean of the seven classes"),
    "balanced_accuracy_lower": ("Balanced accuracy, lower end", "of its 95 % interval"),
    "melanoma_sensitivity": ("Melanoma sensitivity", "at the operating point"),
    "melanoma_sensitivity_lower": ("Melanoma sensitivity, lower end", "of its 95 % interval"),
    "melanoma_specificity": ("Melanoma specificity", "at the operating point"),
    "malignant_sensitivity": ("Malignant sensitivity", "mel, bcc or akiec called one of them"),
    "class_sensitivity": ("Class sensitivity", "of the weakest class"),
    "test_images": ("Test images", "of the rarest class"),
    "subgroup_balanced_accuracy": ("Subgroup balanced accuracy", "of the weakest, at best, judging all groups at once"),
    "overconfidence": ("Overconfidence", "how much surer than right"),
    "leaked_test_images": ("Leaked test images", "whose lesion was trained on under another id"),
    "champion_balanced_accuracy_loss": ("Loss of balanced accuracy", "at worst, against the champion"),
    "champion_melanoma_sensitivity_loss": ("Loss of melanoma sensitivity", "at worst, against the champion"),
    "champion_melanoma_specificity_loss": ("Loss of melanoma specificity", "at worst, against the champion"),
}
NAMED: Final = 3  # requirements that the sentence names; the table has all


def title(name: str) -> str:
    """Return the title of the requirement `name`; a new one without a title goes by its name."""
    return REQUIREMENTS.get(name, (name.replace("_", " ").capitalize(), ""))[0]


def note(requirement: Requirement) -> str:
    """Return what it is about, with the class or subgroup that decided."""
    about = REQUIREMENTS.get(requirement.name, ("", ""))[1]
    place = requirement.place
    if place in contract.CLASS_TITLES:
        place = f"{contract.CLASS_TITLES[place]} ({place})"
    return ": ".join(part for part in (about, place) if part)


def sentence(verdict: Verdict) -> str:
    """Return the verdict in one sentence, naming what was missed."""
    every = verdict.requirements
    missed = [each for each in every if not each.passed]
    if missed:
        names = wording.listed([_missed(each) for each in missed], NAMED)
        return f"The model misses {len(missed)} of the {len(every)} requirements of the gate: {names}."
    met = [each for each in every if each.verdict == MET]
    if len(met) == len(every):
        return f"The model meets each of the {len(every)} requirements of the gate."
    why = ", ".join(sorted({each.verdict for each in every if each not in met}))
    return f"The model meets {len(met)} of the {len(every)} requirements of the gate; the others do not apply ({why})."


def _missed(requirement: Requirement) -> str:
    return f"{title(requirement.name).lower()} {requirement.got_text} (wanted {requirement.wanted_text})"
