# SPDX-License-Identifier: MIT-0
"""Derives from the missed requirements of the gate what a rejection means and what would help. Standard library only.

The report, the failure reason of an execution and the summary of a local run take their advice from here: it is
`gate.advice` of evaluation.json. Each sentence is plain ASCII, because a failure reason may hold nothing else.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Protocol

from pipeline_src import contract

REJECTION_MEANING: Final = "No model package was registered. A model that is in production stays as it is."

_LOWER_END: Final = "_lower"  # the suffix of a requirement on the lower end of an interval
_CHAMPION: Final = "champion_"
_OTHER_TRAINING: Final = "another algorithm or other hyperparameters"


class MissedRequirement(Protocol):
    """The fields of `gate.GateRequirement` that the advice depends on."""

    @property
    def name(self) -> str:
        """The field of `gate_thresholds.GateThresholds`."""

    @property
    def got(self) -> float | None:
        """The judged value; None if there is none."""

    @property
    def wanted(self) -> float | None:
        """The threshold."""

    @property
    def lower(self) -> float | None:
        """The lower end of the interval of the judged value."""

    @property
    def place(self) -> str:
        """The class or subgroup that has the worst value, or an empty string."""


def advise_on_rejection(missed: Iterable[MissedRequirement]) -> tuple[str, ...]:
    """Return what would help, one sentence for each cause; empty if nothing is missed.

    A requirement that this module does not know gets general advice with its name.

    Args:
        missed: the requirements that are not met, including those without a valid value.
    """
    by_name = {each.name: each for each in missed}
    return tuple(dict.fromkeys(_sentences(by_name)))


def _sentences(missed: Mapping[str, MissedRequirement]) -> Iterator[str]:
    rest = dict(missed)
    # First what makes all other values unreliable.
    if "leaked_test_images" in rest:
        yield _leak_advice(rest.pop("leaked_test_images"))
    if "test_images" in rest:
        yield _test_images_advice(rest.pop("test_images"))
    yield from _operating_point_advice(rest)
    yield from _training_advice(rest)
    yield from _interval_advice(rest, missed)
    if "subgroup_balanced_accuracy" in rest:
        yield _subgroup_advice(rest.pop("subgroup_balanced_accuracy"))
    if "overconfidence" in rest:
        yield _overconfidence_advice(rest.pop("overconfidence"))
    yield from _champion_advice({name: rest.pop(name) for name in list(rest) if name.startswith(_CHAMPION)})
    for name, each in rest.items():
        lesions = f"more lesions of {each.place}" if each.place else "more lesions"
        yield f"For {_words(name)}: {lesions}, or {_OTHER_TRAINING}."


def _words(name: str) -> str:
    return name.replace("_", " ")


def _class_title(label: str) -> str:
    return contract.CLASS_TITLES.get(label, label)


def _leak_advice(each: MissedRequirement) -> str:
    if each.got is None:
        return "Run Preprocess again: its dataset card has no audit for leaks."
    return (
        "Run again with NearDuplicates=drop and correct the lesion ids of the leaked images that the report lists: "
        "the model was trained on them."
    )


def _test_images_advice(each: MissedRequirement) -> str:
    title = _class_title(each.place)
    if not each.got or not each.wanted:
        return f"Add lesions of {title} ({each.place}): the test split has no usable image of it."
    factor = each.wanted / each.got
    return (
        f"Add lesions of {title} ({each.place}), about {factor:.1f} times as many as now, or raise TestFraction by "
        f"that factor: the test split has {each.got:g} images of it and {each.wanted:g} are required."
    )


def _operating_point_advice(rest: dict[str, MissedRequirement]) -> Iterator[str]:
    """Yield advice on melanoma sensitivity and specificity, of which each can be had at the cost of the other."""
    sensitivity, specificity = rest.pop("melanoma_sensitivity", None), rest.pop("melanoma_specificity", None)
    if sensitivity and specificity:
        yield f"Add training lesions of melanoma (mel), or use {_OTHER_TRAINING}: no threshold gives both sides."
    elif sensitivity and sensitivity.got is None:
        yield "Add lesions of melanoma (mel): without any in validation and test there is no operating point."
    elif sensitivity:
        yield (
            "Raise MelanomaTargetSensitivity, which costs specificity, or add training lesions of melanoma (mel): too "
            "many melanomas are missed at this operating point."
        )
    elif specificity:
        yield (
            "Lower MelanomaTargetSensitivity, which costs sensitivity, or add training lesions that resemble melanoma: "
            "there are too many false alarms at this operating point."
        )


def _training_advice(rest: dict[str, MissedRequirement]) -> Iterator[str]:
    weak = [name for name in ("balanced_accuracy", "malignant_sensitivity", "class_sensitivity") if name in rest]
    places = [rest.pop(name).place for name in weak]
    if not weak:
        return
    named = next((place for place in places if place), "")
    lesions = f"training lesions of {_class_title(named)} ({named})" if named else "training lesions"
    yield f"Add {lesions}, or use {_OTHER_TRAINING}: {_listed([_words(name) for name in weak])} too low."


def _interval_advice(rest: dict[str, MissedRequirement], missed: Mapping[str, MissedRequirement]) -> Iterator[str]:
    """Yield advice on lower ends whose own estimate suffices; of the others the cause is the estimate."""
    for name in [name for name in rest if name.endswith(_LOWER_END)]:
        rest.pop(name)
        subject = name.removesuffix(_LOWER_END)
        if subject not in missed:
            of = " of melanoma (mel)" if subject.startswith("melanoma_sensitivity") else ""
            yield (
                f"Test on more lesions{of}, from a larger archive or with a larger TestFraction: {_words(subject)} "
                "suffices, but its interval is too wide."
            )


def _subgroup_advice(each: MissedRequirement) -> str:
    if each.got is None:
        return "Add lesions with sex, age and site: no subgroup has enough test images to be judged."
    return f"Add training lesions of the subgroup {each.place}: the model is proven weak there."


def _overconfidence_advice(each: MissedRequirement) -> str:
    if each.got is None:
        return "Add test images: overconfidence could not be measured."
    return f"Use stronger regularisation, fewer epochs or {_OTHER_TRAINING}: the model is surer than it is right."


def _champion_advice(losses: Mapping[str, MissedRequirement]) -> Iterator[str]:
    """Yield advice on the losses against the champion: proven ones, those left open, and a refused comparison."""
    if not losses:
        return
    if all(each.got is None for each in losses.values()):
        yield (
            "Start a run without the champion (pipeline parameter ChampionPackage=none): this model could not be "
            "compared with it on the same test images."
        )
        return
    proven = [name for name, each in losses.items() if each.lower is not None and each.lower > 0]
    open_ = [name for name, each in losses.items() if name not in proven]
    if proven:
        yield (
            f"Keep the champion, add training lesions, or use {_OTHER_TRAINING}: this model is worse in "
            f"{_loss_names(proven)}."
        )
    if open_:
        yield (
            "Test on more lesions, from a larger archive or with a larger TestFraction: a loss beyond the limit in "
            f"{_loss_names(open_)} is neither shown nor ruled out."
        )


def _loss_names(names: Iterable[str]) -> str:
    return _listed([_words(name.removeprefix(_CHAMPION).removesuffix("_loss")) for name in names])


def _listed(names: list[str]) -> str:
    """Return ``a``, ``a and b`` or ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
