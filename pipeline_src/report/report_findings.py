# SPDX-License-Identifier: MIT-0
"""One line that whoever approves the model must know before anything else.

What changed against the model in production, in one line, and why there may be nothing to say.

The findings that belong on the first screen, as notices; what is in order is said in one line.
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from pipeline_src.evaluation import champion_comparison
from pipeline_src.evaluation.champion_comparison import ChampionComparison, PairedEstimate
from pipeline_src.evaluation.evaluation_json import ModelEvaluation
from pipeline_src.report import report_wording
from pipeline_src.report.report_wording import SYNTHETIC_SOURCE

PROBLEM: Final = "problem"  # a finding for which the gate rejects
CAUTION: Final = "caution"  # one for which it does not
GOOD: Final = "good"
NOTE: Final = "note"
SEVERITIES: Final = (PROBLEM, CAUTION, GOOD, NOTE)


@dataclass(frozen=True)
class ReportNotice:
    """One line.

    Attributes:
        severity: one of `SEVERITIES`.
        lead: what it is, in a few words.
        text: what follows from it.
        section: the id of the section that says more; empty for none.
    """

    severity: str
    lead: str
    text: str
    section: str = ""


def severity_by_gate(missed: bool) -> str:  # noqa: FBT001  the one thing that it depends on
    """Return the severity of a finding by whether the gate's requirement of it was missed."""
    return PROBLEM if missed else CAUTION


CHAMPION_SECTION: Final = "champion"
# The figures that are compared: what they are called, and the gate's requirement of each.
COMPARED_FIGURES: Final = {
    "balanced_accuracy": ("balanced accuracy", "champion_balanced_accuracy_loss"),
    "melanoma_sensitivity": ("melanoma sensitivity", "champion_melanoma_sensitivity_loss"),
    "melanoma_specificity": ("melanoma specificity", "champion_melanoma_specificity_loss"),
}
_WORSE: Final = "worse"
_UNPROVEN: Final = "not shown to be as good"
_BETTER: Final = "better"
_THAN: Final = {_WORSE: " than the champion", _UNPROVEN: " as the champion", _BETTER: " than the champion"}
_WITHOUT: Final = {
    champion_comparison.CHAMPION_ABSENT: (NOTE, "No champion to compare with."),
    champion_comparison.COMPARISON_WAIVED: (CAUTION, "Comparison with the champion switched off."),
    champion_comparison.CHAMPION_REFUSED: (PROBLEM, "Not compared with the champion."),
}


def champion_notice(compared: ChampionComparison, missed: AbstractSet[str]) -> ReportNotice:
    """Return the notice; `missed` are the names of the requirements that the model does not meet."""
    if compared.status in _WITHOUT:
        severity, lead = _WITHOUT[compared.status]
        return ReportNotice(severity, lead, _first_sentence(compared.reason), CHAMPION_SECTION)
    known = compared.pairs
    worse = {name for name, pair in known.items() if (pair.difference.upper or 0.0) < 0}
    unproven = {name for name, (_, requirement) in COMPARED_FIGURES.items() if requirement in missed}
    better = {name for name, pair in known.items() if (pair.difference.lower or 0.0) > 0}
    lead = _lead_sentence({_WORSE: worse, _UNPROVEN: unproven - worse, _BETTER: better - unproven})
    if compared.status == champion_comparison.MODELS_IDENTICAL:
        # The operating points of one model can differ, and with them what it calls melanoma.
        text = (
            f"{_first_sentence(compared.reason)} {lead} {_differences_sentence(known)}"
            if lead
            else _first_sentence(compared.reason)
        )
        return ReportNotice(severity_by_gate(bool(unproven)), "The same model as the champion.", text, CHAMPION_SECTION)
    if worse or unproven:
        return ReportNotice(severity_by_gate(bool(unproven)), lead, _differences_sentence(known), CHAMPION_SECTION)
    return ReportNotice(
        GOOD if better else NOTE,
        lead or "No proven difference from the champion.",
        _differences_sentence(known),
        CHAMPION_SECTION,
    )


def _lead_sentence(found: Mapping[str, AbstractSet[str]]) -> str:
    """Return ``Worse than the champion in melanoma sensitivity, better in balanced accuracy.``; empty if none is."""
    clauses: list[str] = []
    for what, names in found.items():
        titles = [title for name, (title, _) in COMPARED_FIGURES.items() if name in names]
        figures = " and ".join(filter(None, (", ".join(titles[:-1]), *titles[-1:])))
        than = "" if clauses else _THAN[what]
        clauses += [f"{what}{than} in {figures}"] if figures else []
    text = ", ".join(clauses)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _first_sentence(reason: str) -> str:
    """Return the first sentence of `reason`; the section has the others."""
    sentence, stop, _ = reason.partition(". ")
    whole = sentence + stop.strip()
    return f"{whole[:1].upper()}{whole[1:]}"


def _differences_sentence(chosen: dict[str, PairedEstimate]) -> str:
    """Return the differences as a sentence: ``Balanced accuracy -0.061 (-0.102 to -0.020), n 500.``."""
    each = [
        f"{COMPARED_FIGURES[name][0]} "
        f"{report_wording.format_difference_with_interval(pair.difference)}, n {pair.difference.images:,}"
        for name, pair in chosen.items()
    ]
    text = "; ".join(each)
    return f"{text[:1].upper()}{text[1:]}."


THIN_TEST_IMAGES: Final = 10  # images; below that one image moves a class's sensitivity by more than 0.1
# Networks of this kind that were never calibrated lie at 0.05 to 0.10 (Guo et al., "On Calibration of Modern Neural
# Networks", 2017, table 1); above that, with the whole interval, is worth a line even if the gate allows more.
NOTABLE_OVERCONFIDENCE: Final = 0.10
NAMED_ITEMS: Final = 3  # subgroups or classes that a notice names; the section has all
RESEARCH_NOTICE: Final = ReportNotice(
    NOTE, "Research use only; not a medical device.", "Nothing here supports a diagnosis."
)


def report_notices(evaluation: ModelEvaluation) -> list[ReportNotice]:
    """Return the notices, the worst first; of one severity in the order of the report's sections."""
    missed = {each.name for each in evaluation.verdict.requirements if not each.passed}
    made = [
        _leak_notice(evaluation, missed),
        _weak_subgroup_notice(evaluation, missed),
        _overconfidence_notice(evaluation, missed),
        champion_notice(evaluation.comparison, missed),
        _thin_class_notice(evaluation, missed),
        *_synthetic_notices(evaluation),
        *_clear_notices(evaluation, missed),
        RESEARCH_NOTICE,
    ]
    return sorted((each for each in made if each is not None), key=lambda each: SEVERITIES.index(each.severity))


def has_synthetic_images(evaluation: ModelEvaluation) -> bool:
    """Tell whether the archive holds drawn pictures."""
    sources = evaluation.card.get("sources")
    return isinstance(sources, dict) and bool(sources.get(SYNTHETIC_SOURCE))


def thin_test_classes(evaluation: ModelEvaluation) -> dict[str, int]:
    """Return the classes with fewer than `THIN` test images, the rarest first."""
    counts = {label: each.test_images for label, each in evaluation.figures.per_class.items()}
    return {
        label: count for label, count in sorted(counts.items(), key=lambda each: each[1]) if count < THIN_TEST_IMAGES
    }


def _leak_notice(evaluation: ModelEvaluation, missed: set[str]) -> ReportNotice | None:
    found = evaluation.leakage
    if not found.audited:
        severity = severity_by_gate("leaked_test_images" in missed)
        return ReportNotice(
            severity, "Not audited for leaks.", "The dataset card holds no audit of the split.", "dataset"
        )
    if found.leaked:
        text = (
            f"{report_wording.format_count(found.leaked, 'test image')} with a twin in training: the "
            "figures flatter the model."
        )
        return ReportNotice(PROBLEM, "Leak, still in training.", text, "dataset")
    if found.dropped:
        text = (
            f"{report_wording.format_count(found.dropped, 'training image')} with a held-out twin left out of training."
        )
        return ReportNotice(CAUTION, "Leak found and dropped.", text, "dataset")
    if found.pairs:
        text = (
            f"{report_wording.format_count(found.pairs, 'pair')} of look-alikes across splits; none of a "
            "test image was trained on."
        )
        return ReportNotice(CAUTION, "Twins across splits.", text, "dataset")
    return None


def _weak_subgroup_notice(evaluation: ModelEvaluation, missed: set[str]) -> ReportNotice | None:
    weak = sorted((each for each in evaluation.subgroups if each.weak), key=lambda each: each.difference.value or 0.0)
    if weak:
        names = [
            f"{each.attribute} {each.group} "
            f"({report_wording.format_value(each.balanced_accuracy.value)}, n {each.images:,})"
            for each in weak
        ]
        overall = report_wording.format_value(evaluation.figures.balanced_accuracy.value)
        text = f"Balanced accuracy: {report_wording.join_names(names, NAMED_ITEMS)}; all test images {overall}."
        lead = f"Weak subgroup{'s' if len(weak) > 1 else ''}."
        return ReportNotice(severity_by_gate("subgroup_balanced_accuracy" in missed), lead, text, "subgroups")
    if not any(each.evaluable for each in evaluation.subgroups):
        return ReportNotice(CAUTION, "No subgroup can be judged.", "Each has too few test images.", "subgroups")
    return None


def _overconfidence_notice(evaluation: ModelEvaluation, missed: set[str]) -> ReportNotice | None:
    found = evaluation.calibration
    if not _surer_than_right(evaluation, missed):
        return None
    surplus, error = (
        report_wording.format_value(found.served.overconfidence.value),
        report_wording.format_value(found.served.error.value),
    )
    text = f"Surer than right by {surplus} on average, ECE {error}"
    if found.tempered is not None and found.temperature is not None:
        better = report_wording.format_value(found.tempered.error.value)
        text += f"; temperature {found.temperature:.2f} would make that {better}"
    return ReportNotice(severity_by_gate("overconfidence" in missed), "Overconfident.", f"{text}.", "calibration")


def _surer_than_right(evaluation: ModelEvaluation, missed: set[str]) -> bool:
    return (
        "overconfidence" in missed
        or (evaluation.calibration.served.overconfidence.lower or 0.0) > NOTABLE_OVERCONFIDENCE
    )


def _thin_class_notice(evaluation: ModelEvaluation, missed: set[str]) -> ReportNotice | None:
    few = thin_test_classes(evaluation)
    if not few:
        return None
    names = report_wording.join_names(
        [f"{label} {report_wording.format_count(count, 'test image')}" for label, count in few.items()], NAMED_ITEMS
    )
    lead = f"Thin class{'es' if len(few) > 1 else ''}."
    return ReportNotice(
        severity_by_gate("test_images" in missed), lead, f"{names}: such figures say little.", "classes"
    )


def _synthetic_notices(evaluation: ModelEvaluation) -> Iterator[ReportNotice]:
    if has_synthetic_images(evaluation):
        yield ReportNotice(
            CAUTION, "Synthetic images.", "Drawn pictures: the figures say nothing about skin.", "dataset"
        )


def _clear_notices(evaluation: ModelEvaluation, missed: set[str]) -> Iterator[ReportNotice]:
    """Say what was looked for and not found, and how far that goes, so that silence is never taken for it."""
    found = evaluation.leakage
    checks = {
        "no look-alike that the audit can see": found.audited and not found.pairs,
        "no subgroup proven weak": any(each.evaluable for each in evaluation.subgroups)
        and not any(each.weak for each in evaluation.subgroups),
        f"no overconfidence above {NOTABLE_OVERCONFIDENCE:.2f} proven": not _surer_than_right(evaluation, missed),
        f"no class below {THIN_TEST_IMAGES} test images": not thin_test_classes(evaluation),
    }
    names = [name for name, clear in checks.items() if clear]
    if names:
        yield ReportNotice(
            GOOD, "Looked for and not found.", f"{report_wording.join_names(names, len(names))}.".capitalize()
        )
