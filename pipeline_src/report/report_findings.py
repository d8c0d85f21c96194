# SPDX-License-Identifier: MIT-0
"""Creates the notices on the report's first screen: findings, the change against the champion, and passed checks."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from pipeline_src.evaluation import champion_comparison
from pipeline_src.evaluation.champion_comparison import ChampionComparison, PairedEstimate
from pipeline_src.evaluation.evaluation_json import ModelEvaluation
from pipeline_src.evaluation.subgroup_metrics import CAUTION_DIFFERENCE
from pipeline_src.report import report_wording
from pipeline_src.report.report_wording import SYNTHETIC_SOURCE

PROBLEM: Final = "problem"  # the gate rejects for it
CAUTION: Final = "caution"  # the gate does not reject for it
GOOD: Final = "good"
NOTE: Final = "note"
SEVERITIES: Final = (PROBLEM, CAUTION, GOOD, NOTE)


@dataclass(frozen=True)
class ReportNotice:
    """One notice.

    Attributes:
        severity: one of `SEVERITIES`.
        lead: the finding in a few words.
        text: its details.
        section: id of the section with more information, or empty.
    """

    severity: str
    lead: str
    text: str
    section: str = ""


def severity_by_gate(missed: bool) -> str:  # noqa: FBT001  the only parameter
    """Return the severity of a finding: a problem if the gate's requirement for it is missed."""
    return PROBLEM if missed else CAUTION


CHAMPION_SECTION: Final = "champion"
# The compared metrics: title, and the gate's requirement; empty where the gate has none.
COMPARED_FIGURES: Final = {
    "balanced_accuracy": ("balanced accuracy", "champion_balanced_accuracy_loss"),
    "melanoma_auc_above_80": ("melanoma AUC above 0.80", "champion_melanoma_area_loss"),
    "melanoma_sensitivity": ("melanoma sensitivity", ""),
    "melanoma_specificity": ("melanoma specificity", ""),
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
    """Return the notice on the champion; `missed` are the names of the requirements that are not met."""
    if compared.status in _WITHOUT:
        severity, lead = _WITHOUT[compared.status]
        return ReportNotice(severity, lead, _first_sentence(compared.reason), CHAMPION_SECTION)
    known = compared.pairs
    worse = {name for name, pair in known.items() if (pair.difference.upper or 0.0) < 0}
    unproven = {name for name, (_, requirement) in COMPARED_FIGURES.items() if requirement in missed}
    better = {name for name, pair in known.items() if (pair.difference.lower or 0.0) > 0}
    lead = _lead_sentence({_WORSE: worse, _UNPROVEN: unproven - worse, _BETTER: better - unproven})
    if compared.status == champion_comparison.MODELS_IDENTICAL:
        # The operating points of one model can differ, and with them its melanoma predictions.
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
    """Return ``Worse than the champion in melanoma sensitivity, better in balanced accuracy.``, or nothing."""
    clauses: list[str] = []
    for what, names in found.items():
        titles = [title for name, (title, _) in COMPARED_FIGURES.items() if name in names]
        figures = " and ".join(filter(None, (", ".join(titles[:-1]), *titles[-1:])))
        than = "" if clauses else _THAN[what]
        clauses += [f"{what}{than} in {figures}"] if figures else []
    text = ", ".join(clauses)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _first_sentence(reason: str) -> str:
    """Return the first sentence of `reason`; the section shows all of it."""
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


THIN_TEST_IMAGES: Final = 10  # with fewer images, one image changes a class's sensitivity by more than 0.1
# Uncalibrated networks of this kind lie at 0.05 to 0.10 (Guo et al., "On Calibration of Modern Neural Networks", 2017,
# table 1). More than that is reported even if the gate allows more.
NOTABLE_OVERCONFIDENCE: Final = 0.10
NAMED_ITEMS: Final = 3  # subgroups or classes named in a notice; the section has all


def report_notices(evaluation: ModelEvaluation) -> list[ReportNotice]:
    """Return the notices by severity, and within one severity in the order of the report's sections."""
    missed = {each.name for each in evaluation.verdict.requirements if not each.passed}
    made = [
        _leak_notice(evaluation, missed),
        _weak_subgroup_notice(evaluation, missed),
        _overconfidence_notice(evaluation, missed),
        champion_notice(evaluation.comparison, missed),
        _thin_class_notice(evaluation, missed),
        *_synthetic_notices(evaluation),
        *_clear_notices(evaluation, missed),
    ]
    return sorted((each for each in made if each is not None), key=lambda each: SEVERITIES.index(each.severity))


def has_synthetic_images(evaluation: ModelEvaluation) -> bool:
    """Return True if the archive contains synthetic images."""
    sources = evaluation.card.get("sources")
    return isinstance(sources, dict) and bool(sources.get(SYNTHETIC_SOURCE))


def thin_test_classes(evaluation: ModelEvaluation) -> dict[str, int]:
    """Return the classes with fewer than `THIN_TEST_IMAGES` test images, the rarest first."""
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
            f"{report_wording.format_count(found.leaked, 'test image')} with a near-duplicate in training: "
            "the metrics are optimistic."
        )
        return ReportNotice(PROBLEM, "Leak in the training images.", text, "dataset")
    if found.dropped:
        text = (
            f"{report_wording.format_count(found.dropped, 'training image')} with a held-out near-duplicate left out."
        )
        return ReportNotice(CAUTION, "Leak found and removed.", text, "dataset")
    if found.pairs:
        text = (
            f"{report_wording.format_count(found.pairs, 'pair')} of near-duplicates across splits; none "
            "of a test image was trained on."
        )
        return ReportNotice(CAUTION, "Near-duplicates across splits.", text, "dataset")
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
        return ReportNotice(CAUTION, "No subgroup is evaluable.", "Each has too few test images.", "subgroups")
    return _unproven_deficit_notice(evaluation) or _blind_comparison_notice(evaluation)


def _unproven_deficit_notice(evaluation: ModelEvaluation) -> ReportNotice | None:
    found = sorted(
        (value, f"{group.attribute} {group.group} {report_wording.format_difference(value)} {name}")
        for group in evaluation.subgroups
        for name, value in group.deficits.items()
    )
    if not found:
        return None
    names = report_wording.join_names([text for _, text in found], NAMED_ITEMS)
    return ReportNotice(CAUTION, "Lower in a subgroup, not proven.", f"{names}, against all others.", "subgroups")


def _blind_comparison_notice(evaluation: ModelEvaluation) -> ReportNotice | None:
    """Return a note that a subgroup deficit of the size that deserves caution would not be found; None if it would."""
    limits = [each.detectable for each in evaluation.subgroups if each.detectable is not None]
    if not limits:
        text = "None has enough lesions of any class on both sides."
        return ReportNotice(CAUTION, "No subgroup can be compared.", text, "subgroups")
    if max(limits) <= -CAUTION_DIFFERENCE:
        return None
    least, most = (report_wording.format_value(each) for each in (min(limits), max(limits)))
    text = f"No deficit is proven, but one would have to be {least} to {most}, by group, to be found usually."
    return ReportNotice(NOTE, "Subgroups: little can be found.", text, "subgroups")


def _overconfidence_notice(evaluation: ModelEvaluation, missed: set[str]) -> ReportNotice | None:
    found = evaluation.calibration
    if not _is_overconfident(evaluation, missed):
        return None
    surplus, error = (
        report_wording.format_value(found.served.overconfidence.value),
        report_wording.format_value(found.served.error.value),
    )
    text = f"Mean confidence exceeds accuracy by {surplus}, ECE {error}"
    if found.tempered is not None and found.temperature is not None:
        better = report_wording.format_value(found.tempered.error.value)
        text += f"; temperature {report_wording.format_value(found.temperature)} would change it to {better}"
    return ReportNotice(severity_by_gate("overconfidence" in missed), "Overconfident.", f"{text}.", "calibration")


def _is_overconfident(evaluation: ModelEvaluation, missed: set[str]) -> bool:
    return (
        "overconfidence" in missed
        or (evaluation.calibration.served.overconfidence.value or 0.0) > NOTABLE_OVERCONFIDENCE
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
        severity_by_gate("test_images" in missed), lead, f"{names}: too few images for reliable metrics.", "classes"
    )


def _synthetic_notices(evaluation: ModelEvaluation) -> Iterator[ReportNotice]:
    if has_synthetic_images(evaluation):
        yield ReportNotice(CAUTION, "Synthetic images.", "The results do not apply to skin.", "dataset")


def _clear_notices(evaluation: ModelEvaluation, missed: set[str]) -> Iterator[ReportNotice]:
    """Yield one notice that lists the checks without a finding, so that a missing finding is not a missing check."""
    found = evaluation.leakage
    checks = {
        "no near-duplicate detectable by the audit": found.audited and not found.pairs,
        "no subgroup proven weak": _weak_subgroup_notice(evaluation, missed) is None,
        f"no overconfidence above {NOTABLE_OVERCONFIDENCE:.2f}": not _is_overconfident(evaluation, missed),
        f"no class below {THIN_TEST_IMAGES} test images": not thin_test_classes(evaluation),
    }
    names = [name for name, clear in checks.items() if clear]
    if names:
        yield ReportNotice(
            GOOD, "Checked, no problem found.", f"{report_wording.join_names(names, len(names))}.".capitalize()
        )
