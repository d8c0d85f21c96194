# SPDX-License-Identifier: MIT-0
"""The Preprocess job: reads archives; writes RecordIO channels, held-out images, manifest and dataset card."""

import sys
from collections.abc import Sequence

from pipeline_src import contract
from pipeline_src.dataset import archive_collection, dataset_plan, lesion_split
from pipeline_src.jobs import command_line
from pipeline_src.preprocessing import dataset_builder, starting_manifest
from pipeline_src.runtime import job_exit, worker_threads


def parse_preprocessing_options(arguments: Sequence[str]) -> dataset_plan.PreprocessingOptions:
    """Return the options in `arguments`."""
    parser = command_line.JobArgumentParser(prog="preprocess", allow_abbrev=False)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--validation-fraction", type=float, default=0.15)
    parser.add_argument("--test-fraction", type=float, default=0.20)
    parser.add_argument("--class-balance", default="repeat")
    parser.add_argument("--repeat-cap", type=int, default=10)
    parser.add_argument("--allowed-missing-images", type=int, default=0)
    parser.add_argument("--near-duplicates", default="drop")
    parser.add_argument("--starting-model", default="")
    given = parser.parse_args(arguments)
    return dataset_plan.PreprocessingOptions(
        image_size=given.image_size,
        fractions=lesion_split.SplitFractions(given.validation_fraction, given.test_fraction),
        balance=given.class_balance,
        repeat_cap=given.repeat_cap,
        allowed_missing=given.allowed_missing_images,
        near_duplicates=given.near_duplicates,
        starting_model=given.starting_model,
    )


def run_preprocessing(options: dataset_plan.PreprocessingOptions) -> None:
    """Preprocess the archives below `contract.ml_root()`."""
    root = contract.ml_root()
    inputs = root / "processing" / "input"
    base, addition = archive_collection.find_input_archives(inputs)
    task = dataset_builder.PreprocessingTask(
        archive=base,
        addition=addition,
        outputs={name: root / "processing" / "output" / name for name in dataset_builder.DATASET_OUTPUTS},
        options=options,
        workers=worker_threads.available_cores(),
        starting=starting_manifest.find_starting_manifest(inputs, options.starting_model),
    )
    summary = dataset_builder.build_dataset(task, lambda *state: print(contract.progress_line(*state), flush=True))
    print(summary, flush=True)


if __name__ == "__main__":
    sys.exit(job_exit.run_job(lambda: run_preprocessing(parse_preprocessing_options(sys.argv[1:]))))
