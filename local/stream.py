# SPDX-License-Identifier: MIT-0
"""The pictures that `traffic` sends: newly drawn ones, or those that a run held out; the same for the same seed."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np

from local import demonstration, judged
from local import shift as shifting
from local.error import UsageError
from local.execution import Record
from local.judged import Judged
from local.sample import appearance, cohort, drawing
from local.traffic import Picture

_STREAM: Final = 5077  # of random numbers, apart from those of the sample archive
_WORKERS: Final = 2
_CHUNK: Final = 16  # pictures drawn ahead: about 4 MB


@dataclass(frozen=True)
class Plan:
    """What is sent.

    Attributes:
        images: how many pictures.
        shift: one of `local.shift.SHIFTS`.
        seed: what they are drawn from, from 0.
        strength: of the shift, 0 to 1.
        camera: seed of the archive whose camera takes them: grain and irregularities are those of its pictures.
    """

    images: int
    shift: str = shifting.NONE
    seed: int = 1
    strength: float = 1.0
    camera: int = demonstration.SEED

    def name(self, picture: str) -> str:
        """Return the inference id of a picture."""
        return f"{self.shift}-{self.seed}-{picture}"

    def odds(self, counts: Mapping[str, int]) -> dict[str, float]:
        """Return how likely each class is that has `counts` pictures: by them, or more alike where the mix shifts."""
        total, even = sum(counts.values()), self.strength if self.shift == shifting.MIX else 0.0
        return {label: (1 - even) * count / total + even / len(counts) for label, count in counts.items()}


def drawn(plan: Plan) -> Iterator[Picture]:
    """Yield newly drawn pictures, no two of one lesion, in the proportions of HAM10000."""
    odds = plan.odds(cohort.REAL_IMAGES)
    labels = np.random.default_rng([plan.seed, _STREAM]).choice(list(odds), plan.images, p=list(odds.values()))
    studio = drawing.Studio(plan.camera)

    def draw(number: int) -> Picture:
        label = str(labels[number])
        rng = np.random.default_rng([plan.seed, _STREAM, number])
        picture = studio.picture(appearance.lesion(label, rng), rng)
        return Picture(plan.name(f"{number:06d}"), label, shifting.shifted(picture, plan.shift, plan.strength))

    yield from _ahead(draw, range(plan.images))


def held_out(plan: Plan, record: Record) -> Iterator[Picture]:
    """Yield pictures that the run held out and judged its model by, each at most once.

    Raises:
        UsageError: there are fewer, or the run has none.
    """
    known = judged.pictures(record)
    if plan.images > len(known):
        raise UsageError(f"--images {plan.images}: the run held out {len(known)}. Ask for {len(known)} or fewer.")
    chosen = _chosen(plan, known)

    def read(number: int) -> Picture:
        picked = chosen[number]
        content = shifting.shifted(picked.path.read_bytes(), plan.shift, plan.strength)
        return Picture(plan.name(picked.image_id), picked.label, content)

    yield from _ahead(read, range(plan.images))


def _chosen(plan: Plan, known: Sequence[Judged]) -> list[Judged]:
    counts = Counter(each.label for each in known)
    odds = plan.odds(counts)
    weights = np.array([odds[each.label] / counts[each.label] for each in known])
    rng = np.random.default_rng([plan.seed, _STREAM])
    picked = rng.choice(len(known), plan.images, replace=False, p=weights / weights.sum())
    return [known[int(position)] for position in picked]


def _ahead(make: Callable[[int], Picture], numbers: range) -> Iterator[Picture]:
    """Yield what `make` returns for each of `numbers` in their order, a few of them made ahead."""
    with ThreadPoolExecutor(_WORKERS) as pool:
        for start in range(0, len(numbers), _CHUNK):
            yield from pool.map(make, numbers[start : start + _CHUNK])
