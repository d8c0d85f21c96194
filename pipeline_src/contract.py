# SPDX-License-Identifier: MIT-0
"""Names and paths shared by the pipeline definition, the jobs, the functions and the local runner.

Standard library only: the containers, the SDK side and the CDK side all import this module. It holds no rules.

Sources: SageMaker Developer Guide, "How Amazon SageMaker runs your processing container image" and
"... your training image", for the paths below /opt/ml; HAM10000's page at Harvard Dataverse,
https://doi.org/10.7910/DVN/DBW86T, for the archive's names.
"""

import errno
import json
import os
import re
from pathlib import Path
from typing import Final

from pipeline_src import class_labels
from pipeline_src.class_labels import CLASSES

# The classes, see class_labels.py. A class's position is its integer label in RecordIO headers and its column in every
# score vector.
CLASS_LABELS: Final = tuple(each.label for each in CLASSES)
CLASS_TITLES: Final = {each.label: each.title for each in CLASSES}
MELANOMA: Final = class_labels.MELANOMA
MALIGNANT: Final = tuple(each.label for each in CLASSES if each.malignant)

# The splits; the split of an image is that of its lesion.
TRAIN: Final = "train"
VALIDATION: Final = "validation"
TEST: Final = "test"
SPLITS: Final = (TRAIN, VALIDATION, TEST)
# The test images of ISIC 2018 Task 3, if the archive contains them: a second test set besides the splits.
OFFICIAL: Final = "official"
LEARNED_SPLITS: Final = (TRAIN, VALIDATION)  # weights are fitted on the first, epoch and thresholds on the second
IMAGE_PLACES: Final = (*SPLITS, OFFICIAL)  # values of the manifest's column `split`

# Input of an image, besides `OFFICIAL`: the base archive or an additional one.
BASE_ORIGIN: Final = "base"
ADDITION_ORIGIN: Final = "addition"

# Steps of the pipeline.
PREPROCESS_STEP: Final = "Preprocess"
TRAIN_STEP: Final = "Train"
MODEL_STEP: Final = "Model"
SCORE_STEP: Final = "Score"
EVALUATE_STEP: Final = "Evaluate"
GATE_STEP: Final = "Gate"
REGISTER_STEP: Final = "Register"
REJECT_STEP: Final = "Reject"
STEPS: Final = (
    PREPROCESS_STEP,
    TRAIN_STEP,
    MODEL_STEP,
    SCORE_STEP,
    EVALUATE_STEP,
    GATE_STEP,
    REGISTER_STEP,
    REJECT_STEP,
)

# Processing channels: each input is the folder /opt/ml/processing/input/<name>,
# each output the folder /opt/ml/processing/output/<name>.
ARCHIVE_INPUT: Final = "archive"
ADDITION_INPUT: Final = "addition"  # one file: an additional archive, or `ABSENT_OBJECT`
SCORES_INPUT: Final = "scores"
CHAMPION_INPUT: Final = "champion"  # one file: predictions.csv of the model in production, or `ABSENT_OBJECT`
MODEL_INPUT: Final = "model"  # of Evaluate, one file: the `MODEL_ARTIFACT_FILE` that Score answered with
MODEL_CHANNEL: Final = "model"  # of Train, one file: the `MODEL_ARTIFACT_FILE` to start from, or `ABSENT_OBJECT`
STARTING_INPUT: Final = "starting"  # of Preprocess, one file: the `MANIFEST_FILE` of that model, or `ABSENT_OBJECT`
TRAIN_OUTPUT: Final = "train"  # the RecordIO file and nothing else: Pipe mode streams every object
VALIDATION_OUTPUT: Final = "validation"  # likewise
# The original bytes of validation, test and official images, named as `held_out_file` says; nothing else.
HOLDOUT_OUTPUT: Final = "holdout"
DATASET_OUTPUT: Final = "dataset"  # manifest, dataset card, RecordIO indices
EVALUATION_OUTPUT: Final = "evaluation"
ADDITION_OUTPUT: Final = "addition"  # of the export job: <sha256>.zip and nothing else, which holds the next two
ADDITION_IMAGES: Final = "HAM10000_images_part_1.zip"
ADDITION_TABLE: Final = "HAM10000_metadata"
EXPORT_OUTPUT: Final = "export"  # of the export job: its report

# Files. A channel holds one RecordIO file, ``train.rec`` or ``validation.rec``: AWS documents no other form.
RECORDS_SUFFIX: Final = ".rec"
INDEX_SUFFIX: Final = ".idx"
MANIFEST_FILE: Final = "manifest.csv"
MANIFEST_COLUMNS: Final = (
    *("image_id", "lesion_id", "label", "split", "sha256", "bytes", "repeats"),
    *("sex", "age", "localization", "dx_type", "source", "archive"),
)
DATASET_CARD_FILE: Final = "dataset_card.json"
EVALUATION_FILE: Final = "evaluation.json"
PREDICTIONS_FILE: Final = "predictions.csv"
PREDICTION_SCORES: Final = tuple(f"p_{label}" for label in CLASS_LABELS)
PREDICTION_COLUMNS: Final = (
    *("image_id", "lesion_id", "split", "label", "predicted"),
    *PREDICTION_SCORES,
    "melanoma_at_threshold",
)
REPORT_FILE: Final = "report.html"
# Beside the report: the baseline of the drift monitor.
MONITOR_STATISTICS_FILE: Final = "monitor_statistics.json"
MONITOR_CONSTRAINTS_FILE: Final = "monitor_constraints.json"
MODEL_CARD_FILE: Final = "model_card.json"
MODEL_ARTIFACT_FILE: Final = "model.tar.gz"
TRAINING_HISTORY_FILE: Final = "training_history.json"  # in it, where an algorithm has epochs
SCORE_SUFFIX: Final = ".out"  # batch transform writes <key>.out for each input object

# Property files, from which the definition reads values of a step's output with JsonGet.
DATASET_CARD_PROPERTY: Final = "DatasetCard"
EVALUATION_PROPERTY: Final = "Evaluation"
TRAINING_SAMPLES_PATH: Final = "hyperparameters.num_training_samples"  # a string: hyperparameters are strings
ARCHIVE_SHA256_PATH: Final = "archive.sha256"
ADDITION_SHA256_PATH: Final = "addition.sha256"  # or `NO_ADDITION`
VERDICT_PATH: Final = "gate.verdict"
REASON_PATH: Final = "gate.reason"
ADVICE_LEAD: Final = "What would help: "  # in the reason of a rejection, before the advice
REQUIREMENT_PATH: Final = "gate.metadata"  # below it, each requirement as text for the metadata of a model package
MODEL_CARD_PATH: Final = "model_card"  # the card as JSON text
VERDICT_PASS: Final = "pass"  # noqa: S105  not a password
VERDICT_REJECT: Final = "reject"

# File names of images in the inner zips of an archive end in one of these, in any case.
# Each file may hold a JPEG or a PNG: the first bytes decide, not the suffix.
ARCHIVE_IMAGE_SUFFIXES: Final = (".jpg", ".jpeg", ".png")
# Suffix of a held-out file, whether its bytes are a JPEG or a PNG. It is fixed because a held-out image is looked up by
# its id alone (predictions.csv names no format), with one GetObject and without permission to list. Every consumer
# recognises the format by the first bytes: Score's container, the smoke test's endpoint, the report and the monitor.
HELD_OUT_SUFFIX: Final = ".jpg"

# Members of the dataset's archive, by names without folders: ZIP files of images, and one table, or the two tables of
# an ISIC challenge: the diagnoses, and the lesions.
_ISIC_TRAINING: Final = r"ISIC_?20\d\d(_Task3)?_Training_"
ARCHIVE_PART: Final = re.compile(rf"(HAM10000_images_part_[^/]*|{_ISIC_TRAINING}Input)\.zip")
ARCHIVE_METADATA: Final = re.compile(r"HAM10000_metadata(\.(csv|tab|tsv|txt))?")
ARCHIVE_DIAGNOSES: Final = re.compile(rf"{_ISIC_TRAINING}GroundTruth(\.(csv|tab|tsv|txt))?")
ARCHIVE_LESIONS: Final = re.compile(rf"{_ISIC_TRAINING}(LesionGroupings|Metadata)(\.(csv|tab|tsv|txt))?")

# Prefixes in the raw-data bucket. The key of an archive contains its SHA-256: archives/<sha256>.zip.
ARCHIVES_PREFIX: Final = "archives/"
ADDITIONS_PREFIX: Final = "additions/"  # additional archives likewise: additions/<sha256>.zip
RUNS_PREFIX: Final = "runs/"
CHECKPOINTS_PREFIX: Final = "checkpoints/"
CAPTURE_PREFIX: Final = "capture/"  # captured requests and responses: capture/<stage>/...
MODELS_PREFIX: Final = "models/"  # copies for endpoints in another account or region: models/<version>/model.tar.gz
MONITOR_PREFIX: Final = "monitor/"  # reports of the drift monitor: monitor/<job>/...
MONITOR_HISTORY_PREFIX: Final = f"{MONITOR_PREFIX}history/"  # measured windows: monitor/history/<version>/<start>.json
MONITOR_BASELINES_PREFIX: Final = "monitor-baselines/"  # accepted baselines: monitor-baselines/<version>/<time>.json
LABELS_PREFIX: Final = "labels/"  # confirmed labels: labels/<sha256>.csv

# Parameters of a pipeline execution.
INPUT_ARCHIVE_PARAMETER: Final = "InputArchive"
ADDITIONAL_ARCHIVE_PARAMETER: Final = "AdditionalArchive"  # URI of an additional archive
NO_ADDITION: Final = "none"  # instead of its SHA-256
EXECUTION_FACT: Final = "Execution"  # not a parameter: the id of the pipeline execution
STARTED_FACT: Final = "Started"  # not a parameter: when the execution started, in ISO 8601
ALGORITHM_FACT: Final = "Algorithm"  # not a parameter: the report's name for the algorithm
PREPROCESSING_IMAGE: Final = "PreprocessingImage"  # not a parameter: the report's name for the image of Evaluate
CHAMPION_PREDICTIONS_PARAMETER: Final = "ChampionPredictions"  # URI of the champion's predictions.csv
CHAMPION_PACKAGE_PARAMETER: Final = "ChampionPackage"  # ARN of its model package
# Of a pipeline with warm start: the model whose weights Train starts from.
STARTING_MODEL_PARAMETER: Final = "StartingModel"  # URI of its model.tar.gz
STARTING_MANIFEST_PARAMETER: Final = "StartingManifest"  # URI of the manifest.csv of the images that it learned from
STARTING_PACKAGE_PARAMETER: Final = "StartingPackage"  # ARN of its model package
NO_PACKAGE: Final = "none"
NO_COMPARISON: Final = "waived"  # instead of an ARN, if the comparison is switched off
# Object that a parameter names without a champion, additional archive or model to start from: a job cannot be started
# without an object for each input.
ABSENT_OBJECT: Final = '{"absent": true}\n'
_SMALL_FILE: Final = 1 << 10  # bytes: above the size of `ABSENT_OBJECT`, and below that of any archive or model
SOURCE_COMMIT_PARAMETER: Final = "SourceCommit"
EARLIER_EVALUATIONS_PARAMETER: Final = "EarlierEvaluations"  # how many candidates this test set has evaluated before

# Metadata of a model package (CustomerMetadataProperties), which is all that its deployment needs.
METADATA_REPORT: Final = "report"  # URI of report.html; predictions.csv lies beside it
METADATA_HOLDOUT: Final = "holdout"  # URI of the folder of the images in predictions.csv
METADATA_ALGORITHM: Final = "algorithm"
METADATA_COMMIT: Final = "commit"
METADATA_DATASET: Final = "dataset_sha256"
METADATA_ADDITION: Final = "additional_sha256"  # or `NO_ADDITION`
METADATA_EARLIER: Final = "earlier_evaluations"
METADATA_CHAMPION: Final = "champion"  # ARN of the champion's package, or `NO_PACKAGE`
METADATA_START: Final = "trained_from"  # ARN of the package whose weights it started from, with warm start
METADATA_REQUIREMENT: Final = "gate_"  # followed by the name of a requirement

# Content types of training channels, requests and responses.
RECORDS_CONTENT_TYPE: Final = "application/x-recordio"
MODEL_CONTENT_TYPE: Final = "application/x-sagemaker-model"
IMAGE_CONTENT_TYPE: Final = "application/x-image"
JSON_CONTENT_TYPE: Final = "application/json"

# Exit codes of a job.
EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_BAD_INPUT: Final = 2  # invalid data or parameters, or a full disk; the message has the remedy

# Error numbers of a full disk and an exceeded disk quota.
DISK_FULL: Final = (errno.ENOSPC, errno.EDQUOT)

# Environment variable of a training job in an image of ours: the algorithm.
ALGORITHM_VARIABLE: Final = "TRAINING_ALGORITHM"

# A job reports progress on stdout, one line at a time.
PROGRESS_PATTERN: Final = re.compile(r"^progress: (?P<done>\d+)/(?P<total>\d+) (?P<unit>\S.*)$")
# A training that measures its model after each epoch reports it so: "epoch 2/6: validation balanced accuracy 0.9; ...".
EPOCH_PATTERN: Final = re.compile(r"^(?P<epoch>epoch \d+/\d+: [^;]+)")


def progress_line(done: int, total: int, unit: str) -> str:
    """Return a progress line, for example ``progress: 40/700 images``."""
    return f"progress: {done}/{total} {unit}"


def held_out_file(image_id: str) -> str:
    """Return the name of the file that holds the original bytes of a held-out image."""
    return f"{image_id}{HELD_OUT_SUFFIX}"


def score_file(image_id: str) -> str:
    """Return the name of the file into which Score writes the answer for a held-out image."""
    return held_out_file(image_id) + SCORE_SUFFIX


HELD_OUT_FILES: Final = held_out_file("*")  # matches all of them, for example in a policy


def ml_root() -> Path:
    """Return the folder /opt/ml of SageMaker's documentation.

    The environment variable ``ML_ROOT`` overrides it: local jobs run as processes with a folder of their own.
    """
    return Path(os.environ.get("ML_ROOT", "/opt/ml"))


def processing_input_path(name: str) -> str:
    """Return the container path of the processing input `name`."""
    return f"/opt/ml/processing/input/{name}"


def processing_output_path(name: str) -> str:
    """Return the container path of the processing output `name`."""
    return f"/opt/ml/processing/output/{name}"


def manifest_of_holdout(uri: str) -> str:
    """Return the URI of the manifest of the dataset whose folder of held-out images is `uri`."""
    return f"{uri.rstrip('/').rpartition('/')[0]}/{DATASET_OUTPUT}/{MANIFEST_FILE}"


def is_absent_object(content: str | bytes) -> bool:
    """Return True if `content` is `ABSENT_OBJECT`, in any layout of the JSON."""
    try:
        return bool(json.loads(content) == json.loads(ABSENT_OBJECT))
    except (ValueError, RecursionError):
        return False


def is_absent_file(path: Path) -> bool:
    """Return True if the file at `path` holds `ABSENT_OBJECT`; a larger file is not read."""
    return path.stat().st_size < _SMALL_FILE and is_absent_object(path.read_bytes())
