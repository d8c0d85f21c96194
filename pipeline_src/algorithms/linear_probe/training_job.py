# SPDX-License-Identifier: MIT-0
"""The training job of `linear_probe`: features of a frozen backbone, and a regularised multinomial head on them.

Reads ``/opt/ml/input`` and writes, below ``/opt/ml``:

- ``model/``: the classifier as one ONNX file with its manifest, see `onnx_artifact`.
- ``output/data/``: features, out-of-fold scores and a report, see `_write_features`, `_write_scores`, `_report`.
- ``checkpoints/``: the features, see `feature_cache`. An interrupted job, or one with more images, continues there.

The same channels, hyperparameters and versions give the same artifact, whatever the number of cores and whatever
``checkpoints/`` holds.

Metrics are printed once, at the end, one a line: ``validation:balanced_accuracy=0.8312;``. The regular expression of
SageMaker's MetricDefinitions is ``validation:balanced_accuracy=([0-9.]+);``.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray

from pipeline_src import contract
from pipeline_src.algorithms import trained_model, training_channel
from pipeline_src.algorithms.efficientnet_lite import onnx_network
from pipeline_src.algorithms.efficientnet_lite.pretrained_weights import BACKBONES
from pipeline_src.algorithms.linear_probe import (
    backbone_network,
    classification_head,
    probe_hyperparameters,
)
from pipeline_src.algorithms.linear_probe.classification_head import FittedHead, StrengthScore, TrainingFeatures
from pipeline_src.algorithms.linear_probe.feature_cache import FeatureCache
from pipeline_src.algorithms.linear_probe.feature_extraction import FeatureExtractor
from pipeline_src.algorithms.linear_probe.probe_hyperparameters import ProbeHyperparameters
from pipeline_src.algorithms.serving import image_predictor, onnx_artifact
from pipeline_src.algorithms.serving.onnx_artifact import ModelManifest
from pipeline_src.algorithms.training_channel import Channel
from pipeline_src.dataset import recordio_format
from pipeline_src.runtime import job_exit, worker_threads
from pipeline_src.runtime.errors import BadInputError

ALGORITHM: Final = "linear_probe"
FEATURES_FILE: Final = "features.npz"
SCORES_FILE: Final = "out_of_fold.npz"
REPORT_FILE: Final = "training_report.json"
# Packages whose version can change the artifact.
_PACKAGES: Final = ("numpy", "onnx", "onnxruntime", "opencv-contrib-python-headless", "scipy", "simplejpeg")
BackboneBuilder = Callable[[str], onnx.ModelProto]


def run_training(build_backbone: BackboneBuilder = backbone_network.build_backbone, workers: int | None = None) -> None:
    """Train on the channels below `contract.ml_root()`.

    Args:
        build_backbone: returns the backbone of a name.
        workers: number of threads; None for one a core.

    Raises:
        BadInputError: a hyperparameter, a channel, a record or the number of hosts cannot be used.
        OSError: for example the disk is full.
    """
    root = contract.ml_root()
    workers = workers or worker_threads.available_cores()
    parameters = probe_hyperparameters.read_probe_hyperparameters(
        root / "input/config/hyperparameters.json", tuple(backbone_network.BACKBONE_DIGESTS)
    )
    _check_one_host(root / "input/config/resourceconfig.json")
    train = training_channel.scan_channel(contract.TRAIN, parameters.image_side)
    validation = training_channel.scan_channel(contract.VALIDATION, parameters.image_side)
    training_channel.check_sample_count(train, parameters.num_training_samples)
    lesions = _lesions(train)
    _check_classes(train, lesions, parameters.seed)
    print(
        f"train: {train.records} records, {len(train.images)} distinct images of {len(set(lesions))} lesions;"
        f" validation: {len(validation.images)} images; {workers} threads",
        flush=True,
    )
    backbone = build_backbone(parameters.backbone)
    digest = backbone_network.backbone_digest(backbone)
    onnx_network.fix_image_side(backbone, parameters.image_side)
    train_features, validation_features = _extract_features(
        backbone, digest, [(train, parameters.image_views), (validation, 1)], parameters.image_side, workers
    )
    data = root / "output/data"
    data.mkdir(parents=True, exist_ok=True)
    _write_features(
        data / FEATURES_FILE,
        {contract.TRAIN: (train, train_features), contract.VALIDATION: (validation, validation_features)},
    )
    head = classification_head.fit_head(
        TrainingFeatures(features=train_features, labels=train.labels, lesions=lesions),
        strength=parameters.regularization,
        seed=parameters.seed,
        workers=workers,
        tried=_print_score,
    )
    _print_line(f"regularization {head.strength:g} is chosen")
    probabilities = classification_head.head_probabilities(validation_features[:, 0], head.weights, head.bias)
    model = onnx_network.attach_head(backbone, head.weights, head.bias).SerializeToString(deterministic=True)
    trained_model.check_answers(model, validation, probabilities, parameters.image_side)
    _write_scores(data / SCORES_FILE, train, head)
    metrics = _metrics(head, probabilities, validation.labels)
    images = {contract.TRAIN: len(train.images), contract.VALIDATION: len(validation.images)}
    report = _report(parameters, head, metrics) | {"images": images, "lesions": len(set(lesions))}
    (data / REPORT_FILE).write_text(json.dumps(report, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    onnx_artifact.write_model(root / "model", model, _manifest(parameters, digest))
    for name, value in metrics.items():
        _print_line(f"{name}={value:.4f};")


def _check_classes(train: Channel, lesions: Sequence[int], seed: int) -> None:
    """Refuse classes that cannot be trained, before minutes are spent on features, and warn of those of one lesion."""
    labels = train.labels.tolist()
    for name in classification_head.single_lesion_classes(
        labels, classification_head.assign_folds(labels, lesions, seed)
    ):
        _print_line(
            f"warning: channel {contract.TRAIN!r}: class {name!r}: images of 1 lesion, which do not show what a class"
            " looks like. It has no part in the cross-validation. Add images of other lesions."
        )


def _extract_features(
    backbone: onnx.ModelProto, digest: str, channels: Sequence[tuple[Channel, int]], image_side: int, workers: int
) -> list[NDArray[np.float32]]:
    """Return the features of each channel with its number of views, (images, views, features); the cache is kept."""
    cache = FeatureCache(
        contract.ml_root() / "checkpoints",
        backbone=digest,
        image_side=image_side,
        length=backbone_network.FEATURES,
        notice=_print_line,
    )
    extractor = FeatureExtractor(
        image_predictor.single_thread_session(backbone.SerializeToString()),
        cache,
        image_side=image_side,
        progress=lambda done, total: _print_line(contract.progress_line(done, total, "image views")),
    )
    return extractor.extract(channels, workers)


def _print_line(line: str) -> None:
    print(line, flush=True)


def _print_score(score: StrengthScore) -> None:
    _print_line(
        f"regularization {score.strength:g}: out-of-fold log loss {score.log_loss:.4f},"
        f" balanced accuracy {score.balanced_accuracy:.4f}"
    )


def _check_one_host(path: Path) -> None:
    """Refuse more than one host; a missing file means one."""
    if path.is_file():
        hosts = json.loads(path.read_text(encoding="utf-8")).get("hosts", [])
        if len(hosts) > 1:
            raise BadInputError(
                f"{path}: {len(hosts)} hosts ({', '.join(hosts[:3])}): linear_probe trains on one. Set the number of"
                " instances to 1, and take a larger instance type for more speed."
            )


def _lesions(train: Channel) -> list[int]:
    """Return the lesion of each image; an image whose record names none counts as a lesion of its own."""
    unknown = sum(image.lesion == recordio_format.NO_LESION for image in train.images)
    if unknown:
        _print_line(
            f"{train.path}: {unknown} images name no lesion: each counts as one, so that photographs of the same lesion"
            " may be in several folds, and the out-of-fold results are too good. Write the channel with Preprocess."
        )
    # A negative number cannot be that of a lesion, which has 64 bits without a sign.
    return [
        -1 - position if image.lesion == recordio_format.NO_LESION else image.lesion
        for position, image in enumerate(train.images)
    ]


def _write_features(path: Path, channels: Mapping[str, tuple[Channel, NDArray[np.float32]]]) -> None:
    """Write the features of the images themselves, without flips and turns, as arrays that need no pickle.

    Arrays ``<channel>_features`` float32 (images, features), ``<channel>_sha256`` uint8 (images, 32) of the recorded
    image, ``<channel>_number`` (line in the manifest), ``<channel>_label`` and ``<channel>_lesion``, (images,).
    """
    arrays: dict[str, NDArray[np.generic]] = {}
    for name, (channel, features) in channels.items():
        arrays |= {
            f"{name}_features": features[:, 0],
            f"{name}_sha256": np.frombuffer(b"".join(each.digest for each in channel.images), np.uint8).reshape(-1, 32),
            f"{name}_number": np.array([each.number for each in channel.images], np.uint64),
            f"{name}_label": channel.labels,
            f"{name}_lesion": np.array([each.lesion for each in channel.images], np.uint64),
        }
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _write_scores(path: Path, train: Channel, head: FittedHead) -> None:
    """Write the scores of each training image by the head that did not see its lesion, as arrays that need no pickle.

    Arrays ``number`` (line in the manifest), ``label`` and ``fold``, (images,), and ``probabilities``, float32 (images,
    classes).
    """
    with path.open("wb") as file:
        np.savez(
            file,
            allow_pickle=False,
            number=np.array([each.number for each in train.images], np.uint64),
            label=train.labels,
            fold=head.folds,
            probabilities=head.out_of_fold,
        )


def _metrics(head: FittedHead, probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> dict[str, float]:
    """Return the metrics of the job's log, by name. Classes without a validation image do not count."""
    chosen = next(score for score in head.scores if score.strength == head.strength)
    return {
        "train:out_of_fold_balanced_accuracy": chosen.balanced_accuracy,
        "train:out_of_fold_log_loss": chosen.log_loss,
        "validation:balanced_accuracy": trained_model.balanced_accuracy(probabilities, labels),
        "validation:accuracy": float((probabilities.argmax(axis=1) == labels).mean()),
        "validation:log_loss": trained_model.balanced_log_loss(probabilities, labels),
    }


def _report(parameters: ProbeHyperparameters, head: FittedHead, metrics: Mapping[str, float]) -> dict[str, object]:
    """Return the content of ``training_report.json`` but for the counts: hyperparameters, strengths tried, metrics."""
    return {
        "algorithm": ALGORITHM,
        "backbone": parameters.backbone,
        "image_views": parameters.image_views,
        "seed": parameters.seed,
        "regularization": head.strength,
        "tried": [
            {
                "regularization": score.strength,
                "out_of_fold_log_loss": score.log_loss,
                "out_of_fold_balanced_accuracy": score.balanced_accuracy,
            }
            for score in head.scores
        ],
        "metrics": dict(metrics),
    }


def _manifest(parameters: ProbeHyperparameters, digest: str) -> ModelManifest:
    weights = BACKBONES[parameters.backbone]
    return onnx_artifact.current_manifest(
        algorithm=ALGORITHM,
        image_size=parameters.image_side,
        packages=_PACKAGES,
        weights={"backbone": weights.name, "backbone_sha256": digest, **weights.provenance()},
    )


if __name__ == "__main__":
    sys.exit(job_exit.run_job(run_training))
