# SPDX-License-Identifier: MIT-0
"""A predictor: the network, asked one picture at a time."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import mxnet as mx
import numpy as np
import numpy.typing as npt

from local.algorithm.artifact import Model
from local.algorithm.error import ModelError


class Predictor:
    """Scores pictures, for any number of threads at once.

    MXNet's executor is not made for several threads, so that one thread owns it and the others wait for it. Pictures
    are never put together into batches: a picture's scores must not depend on those that arrive beside it.

    Args:
        model: The model to ask.

    Raises:
        ModelError: The weights do not fit the graph.
    """

    def __init__(self, model: Model) -> None:
        self.image_shape = model.image_shape
        self._owner = ThreadPoolExecutor(1, thread_name_prefix="predictor")
        try:
            self._module = self._owner.submit(_bound, model).result()
            self.scores(np.zeros((1, *model.image_shape), np.float32))
        except (mx.MXNetError, RuntimeError, ValueError) as error:
            cause = str(error).strip().splitlines()[-1]
            raise ModelError(f"{model.name}: the weights do not fit the graph ({cause}). Train it again.") from error

    def scores(self, picture: npt.NDArray[np.float32]) -> list[float]:
        """Return the probability of each class for one picture of the shape (1, 3, height, width)."""
        return self._owner.submit(self._ask, picture).result()

    def _ask(self, picture: npt.NDArray[np.float32]) -> list[float]:
        self._module.forward(mx.io.DataBatch([mx.nd.array(picture)]), is_train=False)
        return [float(score) for score in self._module.get_outputs()[0].asnumpy()[0]]


def _bound(model: Model) -> Any:  # noqa: ANN401  mxnet is untyped
    module = mx.mod.Module(model.symbol, context=mx.cpu())
    module.bind([("data", (1, *model.image_shape))], [("softmax_label", (1,))], for_training=False)
    module.set_params(model.weights.arguments, model.weights.auxiliary)
    return module
