# SPDX-License-Identifier: MIT-0
"""The training job: reads the channels below /opt/ml, trains the network, and writes the kept weights.

Checkpoints are not supported: a training that was interrupted starts again.
"""

import dataclasses
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import mxnet as mx
import numpy as np
import numpy.typing as npt

from local.builtin_stand_in import algorithm_hyperparameters, model_files, recordio_channel, residual_network
from local.builtin_stand_in.algorithm_hyperparameters import Hyperparameters
from local.builtin_stand_in.errors import ChannelError, HyperparameterError
from local.builtin_stand_in.model_files import NetworkWeights
from local.builtin_stand_in.recordio_channel import Channel, ImageBatch
from pipeline_src import contract

_SMALLEST_PROBABILITY: Final = 1e-12  # keeps the logarithm of a probability that underflowed finite


@dataclass
class EpochMetrics:
    """Sums over the images of one epoch."""

    top_k: int | None = None
    count: int = 0
    correct: int = 0
    correct_in_top_k: int = 0
    loss: float = 0.0

    def add(self, probabilities: npt.NDArray[Any], labels: npt.NDArray[Any]) -> None:
        """Add the results of a batch.

        Args:
            probabilities: (images, classes).
            labels: Class positions, (images,).
        """
        positions = labels.astype(int)
        own = probabilities[np.arange(len(positions)), positions]
        self.count += len(positions)
        self.correct += int((probabilities.argmax(axis=1) == positions).sum())
        self.loss -= float(np.log(np.maximum(own, _SMALLEST_PROBABILITY)).sum())
        if self.top_k is not None:
            best = np.argsort(-probabilities, axis=1, kind="stable")[:, : self.top_k]
            self.correct_in_top_k += int((best == positions[:, None]).any(axis=1).sum())

    @property
    def accuracy(self) -> float:
        """The fraction of images whose most probable class is their own."""
        return self.correct / self.count

    @property
    def cross_entropy(self) -> float:
        """The mean of the negative logarithm of the probability of an image's own class."""
        return self.loss / self.count

    def lines(self, epoch: int, split: str) -> list[str]:
        """Return the lines that SageMaker's metric definitions match, such as ``Epoch[3] Train-accuracy=0.81``."""
        lines = [f"Epoch[{epoch}] {split}-accuracy={self.accuracy:.6f}"]
        if self.top_k is not None:
            value = self.correct_in_top_k / self.count
            lines.append(f"Epoch[{epoch}] {split}-top_k_accuracy_{self.top_k}={value:.6f}")
        return [*lines, f"Epoch[{epoch}] {split}-cross-entropy={self.cross_entropy:.6f}"]


NETWORK_COPIES: Final = 2


class NetworkTrainer:
    """A network with its optimizer, as one MXNet module.

    Each batch is split among `NETWORK_COPIES` copies of the network, as the built-in algorithm splits it among GPUs. On
    two cores that is faster than computing each layer with both, and it does not slow down much when another process
    takes one of them. The number is fixed, so that the result does not depend on the machine.

    Args:
        hyperparameters: Hyperparameters of network and optimizer.
        batch_size: Images in every batch.
        epoch_batches: Batches in an epoch.
        start: Weights to start from; None: random ones.

    Raises:
        ChannelError: `start` is of another network.
    """

    def __init__(
        self,
        hyperparameters: Hyperparameters,
        *,
        batch_size: int,
        epoch_batches: int,
        start: NetworkWeights | None = None,
    ) -> None:
        self.data_shape = (batch_size, *hyperparameters.image_shape)
        self.symbol = residual_network.build_network_symbol(
            num_layers=hyperparameters.num_layers,
            num_classes=hyperparameters.num_classes,
            image_shape=hyperparameters.image_shape,
            momentum=residual_network.batch_norm_momentum(epoch_batches),
        )
        contexts = [mx.cpu(number) for number in range(min(NETWORK_COPIES, batch_size))]
        self._module = mx.mod.Module(self.symbol, context=contexts)
        self._module.bind([("data", self.data_shape)], [("softmax_label", (batch_size,))])
        self._module.init_params(residual_network.he_initializer())
        if start is not None:
            _require_same_network(self.weights(), start)
            self._module.set_params(*start)
        self._module.init_optimizer(
            kvstore="local",
            optimizer=hyperparameters.optimizer,
            optimizer_params=_optimizer_parameters(hyperparameters, epoch_batches),
        )

    def learn(self, batch: ImageBatch, tally: EpochMetrics) -> None:
        """Take one step of the optimizer, and add the results of the batch before the step to `tally`."""
        self._module.forward_backward(mx.io.DataBatch([batch.data], [batch.label]))
        self._module.update()
        self._count(batch, tally)

    def judge(self, batch: ImageBatch, tally: EpochMetrics) -> None:
        """Add the results of the batch to `tally` without learning from it."""
        self._module.forward(mx.io.DataBatch([batch.data], [batch.label]), is_train=False)
        self._count(batch, tally)

    def weights(self) -> NetworkWeights:
        """Return a copy of the weights."""
        arguments, auxiliary = self._module.get_params()
        return NetworkWeights(
            {name: array.copy() for name, array in arguments.items()},
            {name: array.copy() for name, array in auxiliary.items()},
        )

    def _count(self, batch: ImageBatch, tally: EpochMetrics) -> None:
        own = len(batch.label) - batch.filled
        probabilities = self._module.get_outputs()[0].asnumpy()
        tally.add(probabilities[:own], batch.label.asnumpy()[:own])


def _require_same_network(own: NetworkWeights, start: NetworkWeights) -> None:
    for mine, theirs in zip(own, start, strict=True):
        shapes = [{name: array.shape for name, array in each.items()} for each in (mine, theirs)]
        if shapes[0] != shapes[1]:
            different = sorted(name for name, _ in shapes[0].items() ^ shapes[1].items())
            raise ChannelError(
                f"channel '{contract.MODEL_CHANNEL}': a model of another network (first difference: {different[0]})."
                " Give num_layers, image_shape and num_classes the values with which it was trained."
            )


def _optimizer_parameters(hyperparameters: Hyperparameters, epoch_batches: int) -> dict[str, Any]:
    decay = {"momentum": hyperparameters.momentum, "wd": hyperparameters.weight_decay}
    own: dict[str, dict[str, Any]] = {
        "sgd": decay,
        "nag": decay,
        "adam": {"beta1": hyperparameters.beta_1, "beta2": hyperparameters.beta_2, "epsilon": hyperparameters.eps},
        "rmsprop": {"gamma1": hyperparameters.gamma, "epsilon": hyperparameters.eps},
    }
    shared: dict[str, Any] = {"learning_rate": hyperparameters.learning_rate}
    if hyperparameters.lr_scheduler_step:
        steps = [epoch * epoch_batches for epoch in hyperparameters.lr_scheduler_step]
        shared["lr_scheduler"] = mx.lr_scheduler.MultiFactorScheduler(
            step=steps, factor=hyperparameters.lr_scheduler_factor, base_lr=hyperparameters.learning_rate
        )
    return shared | own[hyperparameters.optimizer]


@dataclass(frozen=True)
class TrainingState:
    """Progress of a training, by validation accuracies; epochs count from one, 0 is before the first."""

    epoch: int = 0
    best_accuracy: float = 0.0
    kept_epoch: int = 0
    """Epoch whose weights are kept for the model."""
    kept_accuracy: float = 0.0
    stop_epoch: int = 0
    """Latest epoch that was an improvement in the sense of early stopping."""
    stop_accuracy: float = 0.0


TRAINING_SEED: Final = 0  # the built-in algorithm has no hyperparameter for it; the same records give the same model
_LOG_BATCHES: Final = 20
_PROGRESS_SECONDS: Final = 0.1  # between two progress lines


class TrainingLoop:
    """One training job.

    Args:
        hyperparameters: Hyperparameters.
        train: Training records.
        validation: Validation records; they decide which epoch is kept.
        start: Weights to start from; None: random ones.
    """

    def __init__(
        self,
        hyperparameters: Hyperparameters,
        train: Channel,
        validation: Channel,
        start: NetworkWeights | None = None,
    ) -> None:
        self._parameters = hyperparameters
        self._train, self._validation = train, validation
        self._batch_size = hyperparameters.mini_batch_size
        if self._batch_size > len(train):
            # The built-in algorithm: "The number of input images must be bigger or equal to the mini_batch_size."
            raise HyperparameterError(
                f"mini_batch_size {self._batch_size}: channel '{train.name}' holds {len(train)} records, and the "
                f"built-in algorithm needs at least a batch of them. Lower it to {len(train)}, or train on more images."
            )
        self._last_progress = -math.inf
        self._describe()
        mx.random.seed(TRAINING_SEED)
        self.learner = NetworkTrainer(
            hyperparameters,
            batch_size=self._batch_size,
            epoch_batches=math.ceil(len(train) / self._batch_size),
            start=start,
        )
        self._state, self._kept = TrainingState(), self.learner.weights()

    def run(self) -> tuple[TrainingState, NetworkWeights]:
        """Train to the last epoch or until early stopping; return the final state and the kept weights."""
        while self._state.epoch < self._parameters.epochs and not self._stopped():
            self._epoch(self._state.epoch)
        total = self._parameters.epochs * len(self._train)
        print(contract.progress_line(total, total, "images"), flush=True)
        return self._state, self._kept

    def _epoch(self, epoch: int) -> None:
        start = time.monotonic()
        tally = self._learn(epoch, start)
        print("\n".join([*tally.lines(epoch, "Train"), f"Epoch[{epoch}] Time cost={time.monotonic() - start:.3f}"]))
        if not math.isfinite(tally.loss):
            raise HyperparameterError(
                f"learning_rate: {self._parameters.learning_rate:g} made the loss infinite in epoch {epoch}. Lower it."
            )
        verdict = self._judge()
        print("\n".join(verdict.lines(epoch, "Validation")), flush=True)
        self._state = _next_state(
            self._state, verdict.accuracy, verdict.count, self._parameters.early_stopping_tolerance
        )
        if self._state.kept_epoch == self._state.epoch:
            self._kept = self.learner.weights()
            print(f"Storing the best model with validation accuracy: {verdict.accuracy:.6f}", flush=True)

    def _learn(self, epoch: int, start: float) -> EpochMetrics:
        parameters = self._parameters
        tally = EpochMetrics(parameters.top_k)
        images = recordio_channel.read_batches(
            self._train,
            batch_size=self._batch_size,
            image_shape=parameters.image_shape,
            augmentation=parameters.augmentation_type,
            seed=TRAINING_SEED + epoch,
        )
        for number, batch in enumerate(images, start=1):
            self.learner.learn(batch, tally)
            self._progress(epoch * len(self._train) + tally.count)
            if number % _LOG_BATCHES == 0:
                speed = tally.count / (time.monotonic() - start)
                print(f"Epoch[{epoch}] Batch [{number}]\tSpeed: {speed:.2f} samples/sec\taccuracy={tally.accuracy:.6f}")
        return tally

    def _judge(self) -> EpochMetrics:
        tally = EpochMetrics(self._parameters.top_k)
        for batch in recordio_channel.read_batches(
            self._validation,
            batch_size=self._batch_size,
            image_shape=self._parameters.image_shape,
            augmentation=None,
            seed=None,
        ):
            self.learner.judge(batch, tally)
        return tally

    def _stopped(self) -> bool:
        parameters, state = self._parameters, self._state
        if not parameters.early_stopping or state.epoch < parameters.early_stopping_min_epochs:
            return False
        waited = state.epoch - state.stop_epoch
        if waited < parameters.early_stopping_patience:
            return False
        print(f"Early stopping after epoch {state.epoch - 1}: no improvement for {waited} epochs", flush=True)
        return True

    def _progress(self, done: int) -> None:
        now = time.monotonic()
        if now - self._last_progress >= _PROGRESS_SECONDS:
            self._last_progress = now
            print(contract.progress_line(done, self._parameters.epochs * len(self._train), "images"), flush=True)

    def _describe(self) -> None:
        for records in (self._train, self._validation):
            counts = recordio_channel.count_classes(records, self._parameters.num_classes)
            print(f"Channel {records.name}: {len(records)} records, by class {counts}")
        if self._parameters.num_training_samples != len(self._train):
            print(
                f"Warning: num_training_samples is {self._parameters.num_training_samples}, but channel"
                f" '{self._train.name}' holds {len(self._train)} records; the built-in algorithm would schedule the"
                " learning rate by the former."
            )


def _next_state(state: TrainingState, accuracy: float, images: int, tolerance: float) -> TrainingState:
    """Return the state after one more epoch, which reached `accuracy` on the validation `images` (a number).

    The built-in algorithm keeps the epoch of the highest accuracy. This one keeps the last of the epochs within one
    standard error of the highest. With thousands of images that is the same epoch; with a hundred, the highest is often
    a lucky epoch in the middle of training. (Breiman et al., "Classification and Regression Trees", 1984, choose a tree
    by the same rule.)

    An improvement in the sense of early stopping raises the accuracy by more than the fraction `tolerance`.
    """
    epoch = state.epoch + 1
    state = dataclasses.replace(state, epoch=epoch, best_accuracy=max(accuracy, state.best_accuracy))
    share = (state.best_accuracy * images + 1) / (images + 2)  # Laplace's estimate, uncertain even if all are right
    if accuracy >= state.best_accuracy - math.sqrt(share * (1 - share) / images):
        state = dataclasses.replace(state, kept_epoch=epoch, kept_accuracy=accuracy)
    if accuracy > state.stop_accuracy * (1 + tolerance):
        state = dataclasses.replace(state, stop_epoch=epoch, stop_accuracy=accuracy)
    return state


def run_training_job() -> None:
    """Train with the files below ``/opt/ml``, and write the kept weights to its model folder.

    Raises:
        UserError: The hyperparameters or the channels are unusable, or the loss became infinite.
    """
    root = contract.ml_root()
    hyperparameters = _read_hyperparameters(root / "input" / "config" / "hyperparameters.json")
    _require_one_host(root / "input" / "config" / "resourceconfig.json")
    training = TrainingLoop(
        hyperparameters,
        recordio_channel.find_channel(contract.TRAIN, hyperparameters.num_classes),
        recordio_channel.find_channel(contract.VALIDATION, hyperparameters.num_classes),
        _read_start(root / "input" / "data" / contract.MODEL_CHANNEL, hyperparameters),
    )
    state, weights = training.run()
    path = model_files.save_model_artifact(
        root / "model",
        training.learner.symbol,
        weights,
        epoch=state.kept_epoch,
        data_shape=training.learner.data_shape,
    )
    print(f"Saved the model of epoch {state.kept_epoch}, Validation-accuracy={state.kept_accuracy:.6f}: {path}")


def _read_hyperparameters(path: Path) -> Hyperparameters:
    place = path.name
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise HyperparameterError(f"{path}: no such file. Start the training job with hyperparameters.") from None
    except ValueError as error:
        raise HyperparameterError(f"{place}: no JSON ({error}). Write an object of names and texts.") from None
    if not isinstance(given, dict):
        raise HyperparameterError(f"{place}: no JSON object. Write an object of names and texts.")
    result = algorithm_hyperparameters.parse_hyperparameters(given, place)
    print(f"Hyperparameters: {dataclasses.asdict(result)}", flush=True)
    if result.use_pretrained_model == "1":
        print(
            "Warning: use_pretrained_model=1 has no effect in this stand-in: AWS's weights are in AWS's image. Training"
            " starts from random weights.",
            flush=True,
        )
    return result


def _read_start(folder: Path, hyperparameters: Hyperparameters) -> NetworkWeights | None:
    """Return the weights of the model in `folder`, the channel of an earlier model; None without the channel."""
    if not folder.is_dir():
        return None
    found = model_files.load_packed_artifact(folder)
    if found.image_shape != hyperparameters.image_shape:
        raise ChannelError(
            f"channel '{contract.MODEL_CHANNEL}': a model for images of {found.image_shape}, but image_shape is"
            f" {hyperparameters.image_shape}. Give image_shape (ImageSize) the value with which it was trained."
        )
    print(f"Starts from the weights of an earlier model: {found.name}", flush=True)
    return found.weights


def _require_one_host(path: Path) -> None:
    hosts = json.loads(path.read_text(encoding="utf-8")).get("hosts", []) if path.exists() else []
    if len(hosts) > 1:
        raise ChannelError(
            f"{path.name}: {len(hosts)} hosts, but this stand-in trains on one. Set TrainInstanceCount to 1."
        )
