# SPDX-License-Identifier: MIT-0
"""What the user decides about the dataset."""

from dataclasses import dataclass
from typing import Final

from pipeline_src.lesions import balance
from pipeline_src.lesions.error import BadInputError
from pipeline_src.lesions.split import Fractions

DROP: Final = "drop"  # leave the training image of a pair out of training
REPORT: Final = "report"  # train on it, and tell of it
FAIL: Final = "fail"  # refuse the archive
POLICIES: Final = (DROP, REPORT, FAIL)


@dataclass(frozen=True, kw_only=True)
class Options:
    """The job's parameters.

    Attributes:
        image_size: side of the recorded pictures in pixels.
        fractions: parts of the lesions that are held out.
        balance: one of `balance.MODES`.
        repeat_cap: the most records of one training image.
        allowed_missing: how many images that the tables name may be missing in the archive.
        near_duplicates: what becomes of training images that look like held-out ones, one of `POLICIES`.
    """

    image_size: int
    fractions: Fractions
    balance: str
    repeat_cap: int
    allowed_missing: int
    near_duplicates: str

    def parameters(self) -> dict[str, str]:
        """Return the options by the names that the pipeline's parameters have."""
        return {
            "ImageSize": str(self.image_size),
            "ValidationFraction": str(self.fractions.validation),
            "TestFraction": str(self.fractions.test),
            "ClassBalance": self.balance,
            "RepeatCap": str(self.repeat_cap),
            "AllowedMissingImages": str(self.allowed_missing),
            "NearDuplicates": self.near_duplicates,
        }

    def check(self) -> None:
        """Refuse what makes no sense.

        Raises:
            BadInputError: naming the parameter.
        """
        self.fractions.check()
        if not 8 <= self.image_size <= 2048:
            raise BadInputError(f"parameters: image size {self.image_size}: must be from 8 to 2048. Correct it.")
        if self.balance not in balance.MODES:
            known = ", ".join(balance.MODES)
            raise BadInputError(f"parameters: class balance {self.balance!r}: must be one of {known}. Correct it.")
        if not 1 <= self.repeat_cap <= 1000:
            raise BadInputError(f"parameters: repeat cap {self.repeat_cap}: must be from 1 to 1000. Correct it.")
        if self.allowed_missing < 0:
            raise BadInputError(f"parameters: allowed missing images {self.allowed_missing}: is below 0. Correct it.")
        if self.near_duplicates not in POLICIES:
            known = ", ".join(POLICIES)
            raise BadInputError(
                f"parameters: near duplicates {self.near_duplicates!r}: must be one of {known}. Correct it."
            )
