# SPDX-License-Identifier: MIT-0
"""What changed against the model in production, in one line, and why there may be nothing to say."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from pipeline_src.lesions import comparison
from pipeline_src.lesions.comparison import Comparison, Pair
from pipeline_src.lesions.page import wording
from pipeline_src.lesions.page.notice import CAUTION, GOOD, NOTE, PROBLEM, Notice, by_gate

SECTION: Final = "champion"
# The figures that are compared: what they are called, and the gate's requirement of each.
FIGURES: Final = {
    "balanced_accuracy": ("balanced accuracy", "champion_balanced_accuracy_loss"),
    "melanoma_sensitivity": ("melanoma sensitivity", "champion_melanoma_sensitivity_loss"),
    "melanoma_specificity": ("melanoma specificity", "champion_melanoma_specificity_loss"),
}
_WORSE: Final = "worse"
_UNPROVEN: Final = "not shown to be as good"
_BETTER: Final = "better"
_THAN: Final = {_WORSE: " than the champion", _UNPROVEN: " as the champion", _BETTER: " than the champion"}
_WITHOUT: Final = {
    comparison.ABSENT: (NOTE, "No champion to compare with."),
    comparison.WAIVED: (CAUTION, "Comparison with the champion switched off."),
    comparison.REFUSED: (PROBLEM, "Not compared with the champion."),
}


def against(compared: Comparison, missed: AbstractSet[str]) -> Notice:
    """Return the notice; `missed` are the names of the requirements that the model does not meet."""
    if compared.status in _WITHOUT:
        severity, lead = _WITHOUT[compared.status]
        return Notice(severity, lead, _first(compared.reason), SECTION)
    known = compared.pairs
    worse = {name for name, pair in known.items() if (pair.difference.upper or 0.0) < 0}
    unproven = {name for name, (_, requirement) in FIGURES.items() if requirement in missed}
    better = {name for name, pair in known.items() if (pair.difference.lower or 0.0) > 0}
    lead = _lead({_WORSE: worse, _UNPROVEN: unproven - worse, _BETTER: better - unproven})
    if compared.status == comparison.IDENTICAL:
        # The operating points of one model can differ, and with them what it calls melanoma.
        text = f"{_first(compared.reason)} {lead} {_said(known)}" if lead else _first(compared.reason)
        return Notice(by_gate(bool(unproven)), "The same model as the champion.", text, SECTION)
    if worse or unproven:
        return Notice(by_gate(bool(unproven)), lead, _said(known), SECTION)
    return Notice(GOOD if better else NOTE, lead or "No proven difference from the champion.", _said(known), SECTION)


def _lead(found: Mapping[str, AbstractSet[str]]) -> str:
    """Return ``Worse than the champion in melanoma sensitivity, better in balanced accuracy.``; empty if none is."""
    clauses: list[str] = []
    for what, names in found.items():
        titles = [title for name, (title, _) in FIGURES.items() if name in names]
        figures = " and ".join(filter(None, (", ".join(titles[:-1]), *titles[-1:])))
        than = "" if clauses else _THAN[what]
        clauses += [f"{what}{than} in {figures}"] if figures else []
    text = ", ".join(clauses)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _first(reason: str) -> str:
    """Return the first sentence of `reason`; the section has the others."""
    sentence, stop, _ = reason.partition(". ")
    whole = sentence + stop.strip()
    return f"{whole[:1].upper()}{whole[1:]}"


def _said(chosen: dict[str, Pair]) -> str:
    """Return the differences as a sentence: ``Balanced accuracy -0.061 (-0.102 to -0.020), n 500.``."""
    each = [
        f"{FIGURES[name][0]} {wording.full_signed(pair.difference)}, n {pair.difference.images:,}"
        for name, pair in chosen.items()
    ]
    text = "; ".join(each)
    return f"{text[:1].upper()}{text[1:]}."
