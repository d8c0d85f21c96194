# SPDX-License-Identifier: MIT-0
"""Trains a network for several epochs, on any number of processes with the same result.

A step takes a batch of several groups of `GROUP_IMAGES` images. Each group passes the network by itself, with batch
norms of its own (ghost batch normalization: Hoffer, Hubara, Soudry, "Train longer, generalize better", NeurIPS 2017,
arXiv:1705.08741), on one of the processes. Their gradients are gathered and added in the order of the groups. So the
number of processes and hosts changes nothing but the time; between CPUs of one type, with one thread a process, not
even a bit. Where a process has several threads, or is a GPU, sums differ in their last digits from those of another
number of threads or type of GPU; with the same ones they are the same again.
"""

import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  PyTorch's own name for it
from numpy.typing import NDArray
from torch import Tensor, nn

from pipeline_src import contract
from pipeline_src.algorithms import trained_model
from pipeline_src.algorithms.fine_tuning import batch_loader, training_checkpoint
from pipeline_src.algorithms.fine_tuning.batch_loader import BatchLoader, ImageGroup
from pipeline_src.algorithms.fine_tuning.fine_tuning_hyperparameters import GROUP_IMAGES, FineTuningHyperparameters
from pipeline_src.algorithms.fine_tuning.process_group import ProcessGroup
from pipeline_src.algorithms.training_channel import Channel
from pipeline_src.algorithms.training_history import TrainingEpoch, TrainingHistory
from pipeline_src.runtime import worker_threads
from pipeline_src.runtime.errors import BadInputError

_WARM_UP: Final = 0.1  # share of all steps
_GRADIENT_NORM: Final = 5.0
_AVERAGED_STEPS: Final = 10  # at least; an epoch's steps where these are more
_NORM_MOMENTUM: Final = 0.1  # share of the newest batch in the running statistics
_PROGRESS_LINES: Final = 200
_GPU_LOADERS: Final = 8  # threads for each GPU at most


class TrainingData(NamedTuple):
    """The images that a network learns from, and those that choose the epoch."""

    train: Channel
    validation: Channel


@dataclass(frozen=True)
class TrainedNetwork:
    """The averaged weights of the best epoch, the figures of all epochs, and the answers on validation.

    Attributes:
        state: The network's state dict.
        history: The figures on validation are those of the averaged weights.
        probabilities: Of the validation images, (images, classes).
    """

    state: Mapping[str, Tensor]
    history: TrainingHistory
    probabilities: NDArray[np.float64]


class Training:
    """One training.

    Args:
        network: With its initial weights, the same in all processes; changed in place.
        data: The images that it learns from, and those that choose the epoch.
        parameters: Hyperparameters.
        group: This process among the others.
        tell: Called with each line of the log, in the first process.
    """

    def __init__(
        self,
        network: nn.Module,
        data: TrainingData,
        parameters: FineTuningHyperparameters,
        group: ProcessGroup,
        tell: Callable[[str], None],
    ) -> None:
        self._given = parameters
        self._group = group
        self._train, self._validation = data
        threads = _loader_threads(group.device)
        self._loader = BatchLoader(data.train, parameters.image_side, threads)
        self._validation_loader = BatchLoader(data.validation, parameters.image_side, threads)
        self._checkpoints = contract.ml_root() / "checkpoints"
        self._tell = tell if group.rank == 0 else lambda _line: None
        self._network = network.to(group.device, memory_format=torch.channels_last)
        self._weights = [each for each in network.parameters() if each.requires_grad]
        self._statistics = [each for each in network.buffers() if each.is_floating_point()]
        self._norms = [each for each in network.modules() if isinstance(each, nn.BatchNorm2d)]
        decayed = [each for each in self._weights if each.ndim > 1]
        others = [each for each in self._weights if each.ndim <= 1]
        self._optimizer = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": parameters.weight_decay}, {"params": others, "weight_decay": 0.0}],
            lr=parameters.learning_rate,
        )
        self._average = {name: each.clone() for name, each in network.state_dict().items()}
        self._groups = parameters.batch_size // GROUP_IMAGES
        self._steps = len(batch_loader.epoch_order(data.train.labels, GROUP_IMAGES, self._groups, 0, 0))
        prior = torch.from_numpy(np.log(batch_loader.sampled_shares(data.train.labels))).float()
        self._log_prior = prior.to(group.device)
        half = torch.float16 if group.device.type == "cuda" and not torch.cuda.is_bf16_supported() else torch.bfloat16
        self._mixed_type = half if group.device.type == "cuda" else None
        self._scaler = torch.amp.GradScaler(group.device.type, enabled=self._mixed_type is torch.float16)
        self._history: list[TrainingEpoch] = []
        self._best: dict[str, Tensor] = {}
        self._training = training_digest(network, data, parameters)

    def run(self) -> TrainedNetwork:
        """Train until the last epoch, or until `patience` epochs brought nothing better.

        Raises:
            BadInputError: The loss is not a number, the memory of the device is exhausted, an image cannot be decoded,
                or another host trains something else.
            OSError: For example the disk is full.
        """
        self._check_same_everywhere()
        self._resume()
        probabilities = None
        try:
            while len(self._history) < self._given.epochs and not self._is_finished():
                probabilities = self._run_epoch(len(self._history))
        except torch.OutOfMemoryError as error:
            raise BadInputError(
                f"the memory of {self._group.device} is exhausted with {GROUP_IMAGES} images of"
                f" {self._given.image_side} pixels at a time. Choose an instance type with more memory, or give"
                " ImageSize a smaller value."
            ) from error
        best = self._selected()
        if probabilities is None or best != len(self._history):
            self._network.load_state_dict(self._best)
            probabilities = self._predict_validation(self._network)
        return TrainedNetwork(self._best, TrainingHistory(best, tuple(self._history)), probabilities)

    def _selected(self) -> int:
        """Return the number of the epoch with the highest balanced accuracy; of equal ones that of the lowest loss."""
        best = max(self._history, key=lambda each: (each.validation_balanced_accuracy, -each.validation_loss))
        return best.epoch

    def _is_finished(self) -> bool:
        return bool(self._history) and len(self._history) - self._selected() >= self._given.patience

    def train_epoch(self, epoch: int) -> list[float]:
        """Change the weights by the batches of `epoch`, the first is 0; return the losses of the batches."""
        given = self._given
        order = batch_loader.epoch_order(self._train.labels, GROUP_IMAGES, self._groups, given.seed, epoch)
        own = [step[number] for step in order for number in self._own_groups()]
        loaded = self._loader.load(own, (given.seed, epoch))
        losses = []
        every = max(1, self._steps * given.epochs // _PROGRESS_LINES)
        for step in range(self._steps):
            groups = [(number, next(loaded)) for number in self._own_groups()]
            losses.append(self._step(epoch, step, groups))
            done = epoch * self._steps + step + 1
            if done % every == 0 or step + 1 == self._steps:
                size = given.batch_size
                self._tell(contract.progress_line(done * size, self._steps * given.epochs * size, "training images"))
        return losses

    def _run_epoch(self, epoch: int) -> NDArray[np.float64]:
        began = time.monotonic()
        losses = self.train_epoch(epoch)
        trained = time.monotonic() - began
        current = self._network.state_dict()
        kept = {name: each.clone() for name, each in current.items()}
        self._network.load_state_dict(self._average)
        probabilities = self._predict_validation(self._network)
        labels = self._validation.labels
        low, high = trained_model.balanced_accuracy_interval(probabilities, labels, self._given.seed)
        result = TrainingEpoch(
            epoch=epoch + 1,
            learning_rate=self._rate(epoch, self._steps - 1),
            training_loss=float(np.mean(losses)),
            validation_loss=trained_model.balanced_log_loss(probabilities, labels),
            validation_balanced_accuracy=trained_model.balanced_accuracy(probabilities, labels),
            validation_balanced_accuracy_low=low,
            validation_balanced_accuracy_high=high,
        )
        self._history.append(result)
        if self._selected() == result.epoch:
            self._best = {name: each.detach().cpu().clone() for name, each in self._average.items()}
        self._network.load_state_dict(kept)
        self._tell_epoch(result, trained, time.monotonic() - began)
        self._write_checkpoint()
        return probabilities

    def _own_groups(self) -> range:
        return range(self._group.rank, self._groups, self._group.size)

    def _step(self, epoch: int, step: int, groups: Sequence[tuple[int, ImageGroup]]) -> float:
        """Change the weights by one batch, of which this process computes `groups`; return the loss of the batch."""
        self._network.train()
        # A plain mean of the first batches' statistics, which replaces those of ImageNet, and then a moving one.
        for norm in self._norms:
            norm.momentum = max(_NORM_MOMENTUM, 1 / (epoch * self._steps + step + 1))
        slots = -(-self._groups // self._group.size)
        before = [each.clone() for each in self._statistics]
        rows: list[Tensor] = []
        for number, images in groups:
            torch.manual_seed(_dropout_seed(self._given.seed, epoch, step, number))
            for each, old in zip(self._statistics, before, strict=True):
                each.copy_(old)
            rows.append(self._compute_group(images))
        width = sum(each.numel() for each in (*self._weights, *self._statistics)) + 1
        while len(rows) < slots:
            rows.append(torch.zeros(width, device=self._group.device))
        gathered = self._group.gather(torch.stack(rows))
        # Group g is row g // size of process g % size.
        total = torch.zeros(width, device=self._group.device)
        for number in range(self._groups):
            total += gathered[number % self._group.size, number // self._group.size]
        total /= self._groups
        loss = float(total[-1])
        if not math.isfinite(loss):
            raise BadInputError(
                f"epoch {epoch + 1}, step {step + 1}: the loss is {loss}: the training diverged. Give LearningRate"
                f" ({self._given.learning_rate:g}) a smaller value, for example {self._given.learning_rate / 10:g}."
            )
        at = 0
        for each in self._weights:
            each.grad = total[at : at + each.numel()].view_as(each)
            at += each.numel()
        for each in self._statistics:
            each.copy_(total[at : at + each.numel()].view_as(each))
            at += each.numel()
        rate = self._rate(epoch, step)
        for parameters in self._optimizer.param_groups:
            parameters["lr"] = rate
        self._scaler.unscale_(self._optimizer)
        torch.nn.utils.clip_grad_norm_(self._weights, _GRADIENT_NORM)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self._update_average(epoch * self._steps + step)
        return loss

    def _compute_group(self, images: ImageGroup) -> Tensor:
        """Return gradients, statistics of the batch norms and loss of a group, one after the other, (width,)."""
        device = self._group.device
        labels = torch.from_numpy(images.labels).to(device)
        self._network.zero_grad(set_to_none=True)
        with torch.autocast(device.type, self._mixed_type, enabled=self._mixed_type is not None):
            logits = self._network(torch.from_numpy(images.pixels).to(device))
        loss = F.cross_entropy(logits.float() + self._log_prior, labels, label_smoothing=self._given.label_smoothing)
        self._scaler.scale(loss).backward()
        gradients = [each.grad.reshape(-1) for each in self._weights if each.grad is not None]
        return torch.cat([*gradients, *(each.reshape(-1) for each in self._statistics), loss.detach().reshape(1)])

    def _rate(self, epoch: int, step: int) -> float:
        """Return the learning rate: a linear warm-up, then half a cosine to zero."""
        total = self._steps * self._given.epochs
        warm_up = max(1, round(_WARM_UP * total))
        done = epoch * self._steps + step + 1
        if done <= warm_up:
            return self._given.learning_rate * done / warm_up
        return self._given.learning_rate * 0.5 * (1 + math.cos(math.pi * (done - warm_up) / (total - warm_up + 1)))

    def _update_average(self, done: int) -> None:
        """Move the averaged weights towards the present ones; at the start of the training faster."""
        kept = min(1 - 1 / max(_AVERAGED_STEPS, self._steps), (1 + done) / (10 + done))
        with torch.no_grad():
            for name, each in self._network.state_dict().items():
                if each.is_floating_point():
                    self._average[name].lerp_(each, 1 - kept)

    @torch.no_grad()
    def _predict_validation(self, network: nn.Module) -> NDArray[np.float64]:
        """Return the probabilities of the validation images, (images, classes); each process computes its share."""
        network.eval()
        count, classes = len(self._validation.images), self._given.num_classes
        # Always the same groups, because a bit of a result can depend on how many images are computed together.
        chunks = np.array_split(np.arange(count), range(GROUP_IMAGES, count, GROUP_IMAGES))
        own = range(self._group.rank, len(chunks), self._group.size)
        logits = torch.zeros((count, classes), device=self._group.device)
        for number, images in zip(own, self._validation_loader.load([chunks[each] for each in own], None), strict=True):
            found = network(torch.from_numpy(images.pixels).to(self._group.device)).float()
            logits[torch.from_numpy(chunks[number]).to(self._group.device)] = found
        total = self._group.gather(logits).sum(0)
        return torch.softmax(total.double(), dim=1).cpu().numpy()

    def _check_same_everywhere(self) -> None:
        """Refuse hosts that train something else, before hours are spent."""
        own = torch.tensor(list(bytes.fromhex(self._training)), dtype=torch.uint8, device=self._group.device)
        rows = self._group.gather(own)
        wrong = [number for number, row in enumerate(rows) if not torch.equal(row, rows[0])]
        if wrong:
            raise BadInputError(
                f"training process {wrong[0]} has other data, initial weights, hyperparameters or code than process 0."
                " Give every host the same image, hyperparameters and channels (FullyReplicated)."
            )

    def _resume(self) -> None:
        state = training_checkpoint.read_checkpoint(self._checkpoints, self._training, self._tell)
        has = torch.tensor([len(state["history"]) if state else 0], device=self._group.device)
        if len(set(self._group.gather(has).flatten().tolist())) > 1:
            state = None  # a host without the file; all start anew
        if state is None:
            return
        self._network.load_state_dict(state["network"])
        self._average = {name: each.to(self._group.device) for name, each in state["average"].items()}
        self._optimizer.load_state_dict(state["optimizer"])
        self._scaler.load_state_dict(state["scaler"])
        self._best = state["best"]
        self._history = [TrainingEpoch(**each) for each in state["history"]]
        self._tell(f"continues after epoch {len(self._history)} of {self._given.epochs}, from its checkpoint")

    def _write_checkpoint(self) -> None:
        if self._group.rank == 0:
            state = {
                "network": self._network.state_dict(),
                "average": self._average,
                "optimizer": self._optimizer.state_dict(),
                "scaler": self._scaler.state_dict(),
                "best": self._best,
                "history": [asdict(each) for each in self._history],
            }
            training_checkpoint.write_checkpoint(self._checkpoints, self._training, state)

    def _tell_epoch(self, result: TrainingEpoch, trained: float, whole: float) -> None:
        left = whole * (self._given.epochs - result.epoch)
        speed = self._steps * self._given.batch_size / trained
        self._tell(
            f"epoch {result.epoch}/{self._given.epochs}: validation balanced accuracy"
            f" {result.validation_balanced_accuracy:.4f} ({result.validation_balanced_accuracy_low:.2f} to"
            f" {result.validation_balanced_accuracy_high:.2f}); {whole:.0f} s, at most {left / 60:.0f} min left"
        )
        self._tell(
            f"train:loss={result.training_loss:.4f}; train:learning_rate={result.learning_rate:.3g};"
            f" train:images_per_second={speed:.1f}; validation:loss={result.validation_loss:.4f};"
            f" validation:balanced_accuracy={result.validation_balanced_accuracy:.4f};"
        )


def training_digest(network: nn.Module, data: TrainingData, parameters: FineTuningHyperparameters) -> str:
    """Return a SHA-256 that identifies a training.

    It covers code, PyTorch's version, the initial weights, images, labels and hyperparameters.
    """
    total = hashlib.sha256(json.dumps([asdict(parameters), torch.__version__]).encode())
    for module in sorted(Path(__file__).parent.glob("*.py")):
        total.update(module.read_bytes())
    for tensor in network.state_dict().values():
        total.update(tensor.cpu().contiguous().numpy().tobytes())
    for channel in data:
        for image in channel.images:
            total.update(image.digest + bytes([image.label]))
    return total.hexdigest()


def _loader_threads(device: torch.device) -> int:
    """Return the threads that load images in a process: one where the CPU trains, which loads much faster."""
    if device.type == "cpu":
        return 1
    return min(_GPU_LOADERS, max(1, worker_threads.available_cores() // torch.cuda.device_count()))


def _dropout_seed(*numbers: int) -> int:
    return int.from_bytes(hashlib.sha256(repr(numbers).encode()).digest()[:8], "little") >> 1
