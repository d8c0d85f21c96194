# SPDX-License-Identifier: MIT-0
"""Training: epochs, the best of them, and what is said about them."""

import dataclasses
import json
import math
import time
from pathlib import Path
from typing import Any, Final

import mxnet as mx

from local.algorithm import channel, checkpoint
from local.algorithm.artifact import Weights
from local.algorithm.channel import Channel
from local.algorithm.checkpoint import Checkpoint, State
from local.algorithm.error import HyperparameterError
from local.algorithm.hyperparameter import Hyperparameters
from local.algorithm.learner import Learner
from local.algorithm.metric import Tally
from pipeline_src import contract

SEED: Final = 0  # the built-in algorithm has no hyperparameter for it; the same records give the same model
_LOG_BATCHES: Final = 20
_PROGRESS_SECONDS: Final = 0.1  # between two progress lines


class Training:
    """One training job.

    Args:
        hyperparameters: What to train.
        train: The records to learn from.
        validation: The records that decide which epoch was the best.
        checkpoints: The checkpoint folder; checkpoints are written if it exists.
    """

    def __init__(
        self, hyperparameters: Hyperparameters, train: Channel, validation: Channel, checkpoints: Path
    ) -> None:
        self._parameters = hyperparameters
        self._train, self._validation = train, validation
        self._checkpoints = checkpoints if checkpoints.is_dir() else None
        self._batch_size = min(hyperparameters.mini_batch_size, len(train))
        self._last_progress = -math.inf
        self._describe()
        saved = checkpoint.load(self._checkpoints, self._settings()) if self._checkpoints else None
        mx.random.seed(SEED)
        self.learner = Learner(
            hyperparameters,
            batch_size=self._batch_size,
            epoch_batches=math.ceil(len(train) / self._batch_size),
            resumed=saved,
        )
        self._state, self._kept = (saved.state, saved.kept) if saved else (State(), self.learner.weights())
        if saved:
            print(f"Resuming after epoch {saved.state.epoch} from {self._checkpoints}", flush=True)

    def run(self) -> tuple[State, Weights]:
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
        self._state = _next(self._state, verdict.accuracy, verdict.count, self._parameters.early_stopping_tolerance)
        if self._state.kept_epoch == self._state.epoch:
            self._kept = self.learner.weights()
            print(f"Storing the best model with validation accuracy: {verdict.accuracy:.6f}", flush=True)
        if self._checkpoints and self._state.epoch % self._parameters.checkpoint_frequency == 0:
            latest = Checkpoint(self._state, self.learner.weights(), self._kept, self.learner.optimizer_states())
            checkpoint.save(self._checkpoints, latest, self._settings())

    def _learn(self, epoch: int, start: float) -> Tally:
        parameters = self._parameters
        tally = Tally(parameters.top_k)
        pictures = channel.batches(
            self._train,
            batch_size=self._batch_size,
            image_shape=parameters.image_shape,
            augmentation=parameters.augmentation_type,
            seed=SEED + epoch,
        )
        for number, batch in enumerate(pictures, start=1):
            self.learner.learn(batch, tally)
            self._progress(epoch * len(self._train) + tally.count)
            if number % _LOG_BATCHES == 0:
                speed = tally.count / (time.monotonic() - start)
                print(f"Epoch[{epoch}] Batch [{number}]\tSpeed: {speed:.2f} samples/sec\taccuracy={tally.accuracy:.6f}")
        return tally

    def _judge(self) -> Tally:
        tally = Tally(self._parameters.top_k)
        for batch in channel.batches(
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
            counts = channel.class_counts(records, self._parameters.num_classes)
            print(f"Channel {records.name}: {len(records)} records, by class {counts}")
        if self._parameters.num_training_samples != len(self._train):
            print(
                f"Warning: num_training_samples is {self._parameters.num_training_samples}, but channel"
                f" '{self._train.name}' holds {len(self._train)} records; the built-in algorithm would schedule the"
                " learning rate by the former."
            )
        if self._batch_size < self._parameters.mini_batch_size:
            print(f"mini_batch_size is lowered to {self._batch_size}, the number of records.")

    def _settings(self) -> dict[str, Any]:
        """Return what a checkpoint must agree on to be resumed; a raised number of epochs resumes."""
        values = dataclasses.asdict(self._parameters) | {"train": self._train.labels}
        return {name: value for name, value in json.loads(json.dumps(values)).items() if name != "epochs"}


def _next(state: State, accuracy: float, pictures: int, tolerance: float) -> State:
    """Return the state after one more epoch, which reached `accuracy` on so many validation `pictures`.

    The built-in algorithm keeps the epoch of the highest accuracy. So does this one, up to what is chance: of the
    epochs within one standard error of the highest, it keeps the last, which has settled most. With thousands of
    pictures that comes to the same; with a hundred, the highest is often a lucky epoch in the middle of training.
    (Breiman et al., "Classification and Regression Trees", 1984, choose a tree by the same rule.)

    Early stopping counts as improvement what raises the accuracy by more than `tolerance` of what it was.
    """
    epoch = state.epoch + 1
    state = dataclasses.replace(state, epoch=epoch, best_accuracy=max(accuracy, state.best_accuracy))
    share = (state.best_accuracy * pictures + 1) / (pictures + 2)  # Laplace's estimate, uncertain even if all are right
    if accuracy >= state.best_accuracy - math.sqrt(share * (1 - share) / pictures):
        state = dataclasses.replace(state, kept_epoch=epoch, kept_accuracy=accuracy)
    if accuracy > state.stop_accuracy * (1 + tolerance):
        state = dataclasses.replace(state, stop_epoch=epoch, stop_accuracy=accuracy)
    return state
