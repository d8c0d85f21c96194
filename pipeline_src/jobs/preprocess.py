# SPDX-License-Identifier: MIT-0
"""The Preprocess job: archives in, RecordIO channels, holdout pictures, manifest and dataset card out."""

import sys
from collections.abc import Sequence

from pipeline_src import contract
from pipeline_src.jobs import argument, failure
from pipeline_src.lesions import collection, dataset, option, split, workforce


def options(arguments: Sequence[str]) -> option.Options:
    """Return the options that `arguments` give."""
    parser = argument.Parser(prog="preprocess", allow_abbrev=False)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--validation-fraction", type=float, default=0.15)
    parser.add_argument("--test-fraction", type=float, default=0.20)
    parser.add_argument("--class-balance", default="repeat")
    parser.add_argument("--repeat-cap", type=int, default=10)
    parser.add_argument("--allowed-missing-images", type=int, default=0)
    parser.add_argument("--near-duplicates", default="drop")
    given = parser.parse_args(arguments)
    return option.Options(
        image_size=given.image_size,
        fractions=split.Fractions(given.validation_fraction, given.test_fraction),
        balance=given.class_balance,
        repeat_cap=given.repeat_cap,
        allowed_missing=given.allowed_missing_images,
        near_duplicates=given.near_duplicates,
    )


def preprocess(wanted: option.Options) -> None:
    """Preprocess the archives that lie below `contract.ml_root()`."""
    root = contract.ml_root()
    base, addition = collection.find(root / "processing" / "input")
    task = dataset.Task(
        archive=base,
        addition=addition,
        outputs={name: root / "processing" / "output" / name for name in dataset.OUTPUTS},
        options=wanted,
        workers=workforce.cores(),
    )
    print(dataset.build(task, lambda *state: print(contract.progress_line(*state), flush=True)), flush=True)


if __name__ == "__main__":
    sys.exit(failure.run(lambda: preprocess(options(sys.argv[1:]))))
