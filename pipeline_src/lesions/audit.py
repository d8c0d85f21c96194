# SPDX-License-Identifier: MIT-0
"""The audit of the split in sentences, the same in report and model card."""

from pipeline_src.lesions.leakage import Leakage


def pairs(found: Leakage) -> str:
    """Return what was looked for, what was found, and what became of it."""
    if not found.audited:
        return "None was made: the dataset card holds none, and look-alikes across splits were not looked for."
    shown, left = _verb(found.pairs, "shows", "show"), _verb(found.dropped, "was", "were")
    leaked = found.leaked or 0
    return (
        f"{_count(found.pairs, 'pair')} of images in different splits {shown} one lesion: equal bytes; or perceptual "
        f"hashes at most {found.distance} bits apart and a second look that confirms one picture; or a lesion id that "
        f"the dataset and the official test set share. {_count(found.dropped, 'training image')} of lesions that a "
        f"held-out image shows {left} left out. {_count(leaked, 'test image')} {_verb(leaked, 'shows', 'show')} a "
        f"lesion that was trained on all the same. Policy: {found.policy}."
    )


def together(found: Leakage) -> str:
    """Return whether all images of a lesion lie in one split."""
    if found.lesions_across_splits is None:
        return "Split by lesion id; whether two ids stand for one lesion was not looked at."
    if found.lesions_across_splits:
        across = _count(found.lesions_across_splits, "lesion")
        lies = _verb(found.lesions_across_splits, "lies", "lie")
        return f"Split by lesion id, but {across} {lies} in more than one split, as the audit found."
    return "All images of a lesion that are used lie in one split, as far as the audit can tell."


def threshold(found: Leakage) -> str:
    """Return whether the test images had a say in the operating point."""
    if not found.validated:
        return "No test image had a say in it."
    return (
        f"No test image had a say in it, but {_count(found.validated, 'test image')} "
        f"{_verb(found.validated, 'shows', 'show')} a lesion that a validation image shows too."
    )


def official(found: Leakage) -> str:
    """Return what the official test set had to do with the model."""
    said = ["None is a training image, none chose the threshold, and no requirement of the gate is about them."]
    if found.dropped_for_official:
        dropped = _count(found.dropped_for_official, "training image")
        shows = _verb(found.dropped_for_official, "shows", "show")
        said.append(f"{dropped} that {shows} a lesion of theirs left training.")
    if found.leaked_official is None:
        said.append("Whether training showed the model a lesion of theirs was not looked at.")
    elif found.leaked_official:
        shown = _verb(found.leaked_official, "image of them shows", "images of them show")
        said.append(f"{found.leaked_official:,} {shown} a lesion that was trained on: these figures flatter the model.")
    else:
        said.append("None shows a lesion that was trained on, as far as the audit can tell.")
    return " ".join(said)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {_verb(number, noun, noun + 's')}"


def _verb(number: int, one: str, many: str) -> str:
    return one if number == 1 else many
