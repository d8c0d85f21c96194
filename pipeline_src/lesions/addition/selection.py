# SPDX-License-Identifier: MIT-0
"""Which pictures are exported: those with one label.

A picture's labels are those of all ids that it was asked for by, that of the earlier archive, and that of its own image
id, by which a person can speak of one whose capture has expired. An id that was given to different pictures says
nothing of any of them.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pipeline_src.lesions.addition.pool import Pictured, Pool

CONTRADICTION: Final = "labels contradict each other"
AMBIGUOUS: Final = "one id for different pictures"


@dataclass
class Selection:
    """The choice.

    Attributes:
        labels: of the pictures that are exported, by image id and in its order.
        left_out: by reason the image ids, or the ids of requests, that are left out.
    """

    labels: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, list[str]] = field(default_factory=dict)


def choose(pool: Pool, said: Mapping[str, set[str]]) -> Selection:
    """Return which pictures of `pool` are exported.

    Args:
        pool: all that are labelled.
        said: all labels of each id.
    """
    found = Selection()
    vague = _vague(pool)
    for name, picture in sorted(pool.pictures.items()):
        labels = _labels(name, picture, said, vague)
        if len(labels) == 1:
            found.labels[name] = min(labels)
        elif labels:
            found.left_out.setdefault(CONTRADICTION, []).append(f"{name} ({' and '.join(sorted(labels))})")
    if vague:
        found.left_out[AMBIGUOUS] = sorted(vague)
    return found


def _vague(pool: Pool) -> set[str]:
    """Return the ids that were given to more than one picture."""
    pictures: dict[str, int] = defaultdict(int)
    for picture in pool.pictures.values():
        for name in picture.names:
            pictures[name] += 1
    return {name for name, count in pictures.items() if count > 1}


def _labels(name: str, picture: Pictured, said: Mapping[str, set[str]], vague: set[str]) -> set[str]:
    labels = {label for asked in picture.names - vague for label in said[asked]} | said.get(name, set())
    return labels | ({picture.label} if picture.label else set())
