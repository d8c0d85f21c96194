# SPDX-License-Identifier: MIT-0
"""A learner: a network with its optimizer, as one MXNet module."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import mxnet as mx

from local.algorithm import network
from local.algorithm.artifact import Weights
from local.algorithm.channel import Batch
from local.algorithm.checkpoint import Checkpoint
from local.algorithm.hyperparameter import Hyperparameters
from local.algorithm.metric import Tally

WORKERS: Final = 2


class Learner:
    """A network that learns from batches and judges them.

    Each batch is shared out among `WORKERS` copies of the network, as the built-in algorithm shares it out among
    GPUs. On two cores that is faster than letting both compute each layer together, and it does not collapse when
    another process takes one of them; the number is fixed, so that the result does not depend on the machine.

    Args:
        hyperparameters: What to build and how to train it.
        batch_size: Pictures in every batch.
        epoch_batches: Batches in an epoch.
        resumed: What to go on from; None draws weights at random, from MXNet's seed.
    """

    def __init__(
        self, hyperparameters: Hyperparameters, *, batch_size: int, epoch_batches: int, resumed: Checkpoint | None
    ) -> None:
        self.data_shape = (batch_size, *hyperparameters.image_shape)
        self.symbol = network.symbol(
            num_layers=hyperparameters.num_layers,
            num_classes=hyperparameters.num_classes,
            image_shape=hyperparameters.image_shape,
            momentum=network.momentum(epoch_batches),
        )
        contexts = [mx.cpu(number) for number in range(min(WORKERS, batch_size))]
        self._module = mx.mod.Module(self.symbol, context=contexts)
        self._module.bind([("data", self.data_shape)], [("softmax_label", (batch_size,))])
        arguments, auxiliary = resumed.latest if resumed else (None, None)
        self._module.init_params(network.initializer(), arg_params=arguments, aux_params=auxiliary)
        begin = {"begin_num_update": resumed.state.epoch * epoch_batches if resumed else 0}
        self._module.init_optimizer(
            kvstore="local",
            optimizer=hyperparameters.optimizer,
            optimizer_params=_optimizer_parameters(hyperparameters, epoch_batches) | begin,
        )
        if resumed:
            self._load_optimizer(resumed.optimizer)

    def learn(self, batch: Batch, tally: Tally) -> None:
        """Take one step of the optimizer, counting the batch's pictures into `tally` as they were before it."""
        self._module.forward_backward(mx.io.DataBatch([batch.data], [batch.label]))
        self._module.update()
        self._count(batch, tally)

    def judge(self, batch: Batch, tally: Tally) -> None:
        """Count the batch's pictures into `tally` without learning from them."""
        self._module.forward(mx.io.DataBatch([batch.data], [batch.label]), is_train=False)
        self._count(batch, tally)

    def weights(self) -> Weights:
        """Return a copy of what the network has learned."""
        arguments, auxiliary = self._module.get_params()
        return Weights(
            {name: array.copy() for name, array in arguments.items()},
            {name: array.copy() for name, array in auxiliary.items()},
        )

    def optimizer_states(self) -> bytes:
        """Return the optimizer's memory, such as momentum, for a checkpoint."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / "states"
            self._module.save_optimizer_states(str(path))
            return path.read_bytes()

    def _load_optimizer(self, states: bytes) -> None:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "states"
            path.write_bytes(states)
            self._module.load_optimizer_states(str(path))

    def _count(self, batch: Batch, tally: Tally) -> None:
        own = len(batch.label) - batch.filled
        probabilities = self._module.get_outputs()[0].asnumpy()
        tally.add(probabilities[:own], batch.label.asnumpy()[:own])


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
