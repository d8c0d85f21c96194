# SPDX-License-Identifier: MIT-0
"""The training job of `fine_tuning`: an EfficientNet-Lite, trained end to end from ImageNet's or earlier weights.

Reads ``/opt/ml/input`` and writes, below ``/opt/ml``:

- ``model/``: the classifier as one ONNX file with its manifest, see `onnx_artifact`, and ``training_history.json``: the
  figures of each epoch.
- ``checkpoints/``: the state after each epoch. An interrupted job continues there and ends with the same bytes.

The recipe, with its sources:

- all layers are trained: Kornblith, Shlens, Le, "Do Better ImageNet Models Transfer Better?", CVPR 2019;
- classes are sampled by the square root of their number of images: Kang et al., ICLR 2020, arXiv:1910.09217. What is
  left of the imbalance is balanced in the loss, by adding the logarithm of each class's share to its logit in training
  only, which is consistent for the balanced error: Menon et al., "Long-tail learning via logit adjustment", ICLR 2021,
  arXiv:2007.07314. The loss alone learned rare classes too slowly in few epochs; sampling alone shows a rare image of
  HAM10000 58 times as often as a frequent one;
- images change as image_augmentation.py says;
- AdamW: Loshchilov, Hutter, ICLR 2019, arXiv:1711.05101; warm-up and half a cosine: Loshchilov, Hutter, "SGDR",
  ICLR 2017, arXiv:1608.03983;
- label smoothing: Szegedy et al., CVPR 2016, arXiv:1512.00567;
- an exponential average of the weights over about an epoch is validated and kept: Izmailov et al., "Averaging Weights
  Leads to Wider Optima and Better Generalization", UAI 2018, arXiv:1803.05407; the network's own training averaged too;
- the epoch with the best balanced accuracy on the validation split is kept.

With a warm start (the channel `contract.MODEL_CHANNEL`) the weights of an earlier model take the place of ImageNet's,
head included, and the recipe stays: its warm-up and cosine are a warm restart (SGDR, above), and in a trial on
synthetic images a fifth of the rate had no better epoch. A network that is trained on from an earlier one can
generalize worse than one that starts anew on all images: Ash, Adams, "On Warm-Starting Neural Network Training",
NeurIPS 2020, arXiv:1910.08475.

Not averaged over flips at inference: that doubles the time of each answer.

The same channels, hyperparameters and versions give the same artifact on machines of one type, see training_loop.py.
"""

import sys
from typing import Final

import torch

from pipeline_src import contract
from pipeline_src.algorithms import trained_model, training_channel, training_history
from pipeline_src.algorithms.efficientnet_lite import onnx_network, pretrained_weights
from pipeline_src.algorithms.efficientnet_lite.pretrained_weights import BACKBONES
from pipeline_src.algorithms.fine_tuning import (
    fine_tuning_hyperparameters,
    process_group,
    starting_model,
    torch_network,
)
from pipeline_src.algorithms.fine_tuning.fine_tuning_hyperparameters import (
    GROUP_IMAGES,
    RANDOM,
    FineTuningHyperparameters,
)
from pipeline_src.algorithms.fine_tuning.process_group import ProcessGroup
from pipeline_src.algorithms.fine_tuning.starting_model import StartingModel
from pipeline_src.algorithms.fine_tuning.torch_network import EfficientNetLite
from pipeline_src.algorithms.fine_tuning.training_loop import TrainedNetwork, Training, TrainingData
from pipeline_src.algorithms.serving import onnx_artifact
from pipeline_src.algorithms.serving.onnx_artifact import ModelManifest
from pipeline_src.algorithms.training_channel import Channel
from pipeline_src.runtime import job_exit
from pipeline_src.runtime.errors import BadInputError

ALGORITHM: Final = "fine_tuning"
# Packages whose version can change the artifact.
_PACKAGES: Final = ("numpy", "onnx", "opencv-contrib-python-headless", "simplejpeg", "torch")


def run_training() -> None:
    """Train on the channels below `contract.ml_root()`.

    Raises:
        BadInputError: A hyperparameter, a channel, a record or the machine cannot be used, or the training diverged.
        OSError: For example the disk is full.
    """
    config = contract.ml_root() / "input/config"
    parameters = fine_tuning_hyperparameters.read_fine_tuning_hyperparameters(config / "hyperparameters.json")
    hosts = process_group.read_hosts(config / "resourceconfig.json")
    start = _read_start(parameters)
    data = _scan_channels(parameters)
    groups = parameters.batch_size // GROUP_IMAGES
    plan = process_group.plan_processes(groups, len(hosts.names))
    _print_line(
        f"train: {data.train.records} records, {len(data.train.images)} distinct images; validation:"
        f" {len(data.validation.images)} images; {len(hosts.names)} host(s) with {plan.count} process(es) of"
        f" {plan.threads} thread(s) on {plan.device}"
    )
    process_group.run_processes(train_process, plan, hosts, parameters, data, start)


def train_process(
    group: ProcessGroup,
    parameters: FineTuningHyperparameters,
    data: TrainingData,
    start: StartingModel | None = None,
) -> None:
    """Train in one of the processes; the first one writes the artifact."""
    network = initial_network(parameters, start)
    trained = Training(network, data, parameters, group, _print_line).run()
    if group.rank == 0:
        _write_artifact(parameters, trained, data.validation, start)


def initial_network(parameters: FineTuningHyperparameters, start: StartingModel | None) -> EfficientNetLite:
    """Return the network with the weights that the training starts from."""
    torch.manual_seed(parameters.seed)  # for the head, and for random weights
    network = EfficientNetLite(parameters.backbone, parameters.num_classes)
    if start is not None:
        torch_network.load_weights(network, start.weights, f"channel {contract.MODEL_CHANNEL!r}", head=True)
    elif parameters.initial_weights != RANDOM:
        weights = pretrained_weights.read_pretrained_weights(parameters.backbone)
        torch_network.load_weights(network, weights, f"backbone {parameters.backbone!r}", head=False)
    return network


def _read_start(parameters: FineTuningHyperparameters) -> StartingModel | None:
    """Return the model that the training starts from, after a look whether its weights fit."""
    start = starting_model.read_starting_model(ALGORITHM, parameters.backbone)
    if start is None:
        return None
    if parameters.initial_weights == RANDOM:
        raise BadInputError(
            f"hyperparameter 'initial_weights': {RANDOM!r} and a model in the channel {contract.MODEL_CHANNEL!r}: both"
            " say what the training starts from. Leave one of them out."
        )
    initial_network(parameters, start)
    _print_line(f"starts from the weights of an earlier model, SHA-256 {start.sha256}")
    return start


def _scan_channels(parameters: FineTuningHyperparameters) -> TrainingData:
    train = training_channel.scan_channel(contract.TRAIN, parameters.image_side)
    validation = training_channel.scan_channel(contract.VALIDATION, parameters.image_side)
    training_channel.check_sample_count(train, parameters.num_training_samples)
    training_channel.check_every_class(train.labels.tolist())
    return TrainingData(train, validation)


def _write_artifact(
    parameters: FineTuningHyperparameters, trained: TrainedNetwork, validation: Channel, start: StartingModel | None
) -> None:
    state = torch_network.weights_of(trained.state)
    network = onnx_network.build_network(parameters.backbone, state)
    onnx_network.fix_image_side(network, parameters.image_side)
    classifier = onnx_network.attach_head(network, state["_fc.weight"].T, state["_fc.bias"])
    model = classifier.SerializeToString(deterministic=True)
    trained_model.check_answers(model, validation, trained.probabilities, parameters.image_side)
    folder = contract.ml_root() / "model"
    onnx_artifact.write_model(folder, model, _manifest(parameters, start))
    history = training_history.training_history_json(trained.history)
    (folder / contract.TRAINING_HISTORY_FILE).write_text(history, encoding="utf-8")
    best = trained.history.selected
    _print_line(
        f"epoch {best.epoch} is kept. validation:loss={best.validation_loss:.4f};"
        f" validation:balanced_accuracy={best.validation_balanced_accuracy:.4f};"
    )


def _manifest(parameters: FineTuningHyperparameters, start: StartingModel | None) -> ModelManifest:
    if start is None:
        backbone = BACKBONES[parameters.backbone]
        weights = {
            "backbone": backbone.name,
            "initial_weights": parameters.initial_weights,
            **({} if parameters.initial_weights == RANDOM else backbone.provenance()),
        }
    else:
        weights = {**start.origin, "started_from_sha256": start.sha256}
    return onnx_artifact.current_manifest(
        algorithm=ALGORITHM, image_size=parameters.image_side, packages=_PACKAGES, weights=weights
    )


def _print_line(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(job_exit.run_job(run_training))
