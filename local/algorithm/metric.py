# SPDX-License-Identifier: MIT-0
"""How good an epoch was."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

_SMALLEST: Final = 1e-12  # keeps the logarithm of a probability that underflowed finite


@dataclass
class Tally:
    """Sums over the pictures of one epoch."""

    top_k: int | None = None
    count: int = 0
    correct: int = 0
    correct_in_top_k: int = 0
    loss: float = 0.0

    def add(self, probabilities: npt.NDArray[Any], labels: npt.NDArray[Any]) -> None:
        """Count in some pictures.

        Args:
            probabilities: (pictures, classes).
            labels: Class positions, (pictures,).
        """
        positions = labels.astype(int)
        own = probabilities[np.arange(len(positions)), positions]
        self.count += len(positions)
        self.correct += int((probabilities.argmax(axis=1) == positions).sum())
        self.loss -= float(np.log(np.maximum(own, _SMALLEST)).sum())
        if self.top_k is not None:
            best = np.argsort(-probabilities, axis=1, kind="stable")[:, : self.top_k]
            self.correct_in_top_k += int((best == positions[:, None]).any(axis=1).sum())

    @property
    def accuracy(self) -> float:
        """The fraction of pictures whose likeliest class is their own."""
        return self.correct / self.count

    @property
    def cross_entropy(self) -> float:
        """The mean of the negative logarithm of the probability of a picture's own class."""
        return self.loss / self.count

    def lines(self, epoch: int, split: str) -> list[str]:
        """Return the lines that SageMaker's metric definitions look for, such as ``Epoch[3] Train-accuracy=0.81``."""
        lines = [f"Epoch[{epoch}] {split}-accuracy={self.accuracy:.6f}"]
        if self.top_k is not None:
            value = self.correct_in_top_k / self.count
            lines.append(f"Epoch[{epoch}] {split}-top_k_accuracy_{self.top_k}={value:.6f}")
        return [*lines, f"Epoch[{epoch}] {split}-cross-entropy={self.cross_entropy:.6f}"]
