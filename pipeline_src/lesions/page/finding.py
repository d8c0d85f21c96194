# SPDX-License-Identifier: MIT-0
"""The findings that belong on the first screen, as notices; what is in order is said in one line."""

from collections.abc import Iterator
from typing import Final

from pipeline_src.lesions.evaluation import Evaluation
from pipeline_src.lesions.page import champion, wording
from pipeline_src.lesions.page.notice import CAUTION, GOOD, NOTE, PROBLEM, SEVERITIES, Notice, by_gate
from pipeline_src.lesions.statement import SYNTHETIC

THIN: Final = 10  # images; below that one image moves a class's sensitivity by more than 0.1
# Networks of this kind that were never calibrated lie at 0.05 to 0.10 (Guo et al., "On Calibration of Modern Neural
# Networks", 2017, table 1); above that, with the whole interval, is worth a line even if the gate allows more.
NOTABLE: Final = 0.10
NAMED: Final = 3  # subgroups or classes that a notice names; the section has all
RESEARCH: Final = Notice(NOTE, "Research use only; not a medical device.", "Nothing here supports a diagnosis.")


def of(evaluation: Evaluation) -> list[Notice]:
    """Return the notices, the worst first; of one severity in the order of the report's sections."""
    missed = {each.name for each in evaluation.verdict.requirements if not each.passed}
    made = [
        _leak(evaluation, missed),
        _weak(evaluation, missed),
        _overconfident(evaluation, missed),
        champion.against(evaluation.comparison, missed),
        _thin(evaluation, missed),
        *_synthetic(evaluation),
        *_clear(evaluation, missed),
        RESEARCH,
    ]
    return sorted((each for each in made if each is not None), key=lambda each: SEVERITIES.index(each.severity))


def synthetic(evaluation: Evaluation) -> bool:
    """Tell whether the archive holds drawn pictures."""
    sources = evaluation.card.get("sources")
    return isinstance(sources, dict) and bool(sources.get(SYNTHETIC))


def thin(evaluation: Evaluation) -> dict[str, int]:
    """Return the classes with fewer than `THIN` test images, the rarest first."""
    counts = {label: each.test_images for label, each in evaluation.figures.per_class.items()}
    return {label: count for label, count in sorted(counts.items(), key=lambda each: each[1]) if count < THIN}


def _leak(evaluation: Evaluation, missed: set[str]) -> Notice | None:
    found = evaluation.leakage
    if not found.audited:
        severity = by_gate("leaked_test_images" in missed)
        return Notice(severity, "Not audited for leaks.", "The dataset card holds no audit of the split.", "dataset")
    if found.leaked:
        text = f"{wording.count(found.leaked, 'test image')} with a twin in training: the figures flatter the model."
        return Notice(PROBLEM, "Leak, still in training.", text, "dataset")
    if found.dropped:
        text = f"{wording.count(found.dropped, 'training image')} with a held-out twin left out of training."
        return Notice(CAUTION, "Leak found and dropped.", text, "dataset")
    if found.pairs:
        text = (
            f"{wording.count(found.pairs, 'pair')} of look-alikes across splits; none of a test image was trained on."
        )
        return Notice(CAUTION, "Twins across splits.", text, "dataset")
    return None


def _weak(evaluation: Evaluation, missed: set[str]) -> Notice | None:
    weak = sorted((each for each in evaluation.subgroups if each.weak), key=lambda each: each.difference.value or 0.0)
    if weak:
        names = [
            f"{each.attribute} {each.group} ({wording.figure(each.balanced_accuracy.value)}, n {each.images:,})"
            for each in weak
        ]
        overall = wording.figure(evaluation.figures.balanced_accuracy.value)
        text = f"Balanced accuracy: {wording.listed(names, NAMED)}; all test images {overall}."
        lead = f"Weak subgroup{'s' if len(weak) > 1 else ''}."
        return Notice(by_gate("subgroup_balanced_accuracy" in missed), lead, text, "subgroups")
    if not any(each.evaluable for each in evaluation.subgroups):
        return Notice(CAUTION, "No subgroup can be judged.", "Each has too few test images.", "subgroups")
    return None


def _overconfident(evaluation: Evaluation, missed: set[str]) -> Notice | None:
    found = evaluation.calibration
    if not _surer_than_right(evaluation, missed):
        return None
    surplus, error = wording.figure(found.served.overconfidence.value), wording.figure(found.served.error.value)
    text = f"Surer than right by {surplus} on average, ECE {error}"
    if found.tempered is not None and found.temperature is not None:
        better = wording.figure(found.tempered.error.value)
        text += f"; temperature {found.temperature:.2f} would make that {better}"
    return Notice(by_gate("overconfidence" in missed), "Overconfident.", f"{text}.", "calibration")


def _surer_than_right(evaluation: Evaluation, missed: set[str]) -> bool:
    return "overconfidence" in missed or (evaluation.calibration.served.overconfidence.lower or 0.0) > NOTABLE


def _thin(evaluation: Evaluation, missed: set[str]) -> Notice | None:
    few = thin(evaluation)
    if not few:
        return None
    names = wording.listed([f"{label} {wording.count(count, 'test image')}" for label, count in few.items()], NAMED)
    lead = f"Thin class{'es' if len(few) > 1 else ''}."
    return Notice(by_gate("test_images" in missed), lead, f"{names}: such figures say little.", "classes")


def _synthetic(evaluation: Evaluation) -> Iterator[Notice]:
    if synthetic(evaluation):
        yield Notice(CAUTION, "Synthetic images.", "Drawn pictures: the figures say nothing about skin.", "dataset")


def _clear(evaluation: Evaluation, missed: set[str]) -> Iterator[Notice]:
    """Say what was looked for and not found, and how far that goes, so that silence is never taken for it."""
    found = evaluation.leakage
    checks = {
        "no look-alike that the audit can see": found.audited and not found.pairs,
        "no subgroup proven weak": any(each.evaluable for each in evaluation.subgroups)
        and not any(each.weak for each in evaluation.subgroups),
        f"no overconfidence above {NOTABLE:.2f} proven": not _surer_than_right(evaluation, missed),
        f"no class below {THIN} test images": not thin(evaluation),
    }
    names = [name for name, clear in checks.items() if clear]
    if names:
        yield Notice(GOOD, "Looked for and not found.", f"{wording.listed(names, len(names))}.".capitalize())
