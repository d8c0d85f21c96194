# SPDX-License-Identifier: MIT-0
"""The training job: from the folders that SageMaker fills to the model folder that it packs."""

import dataclasses
import json
from pathlib import Path

from local.algorithm import artifact, channel, checkpoint, hyperparameter
from local.algorithm.error import ChannelError, HyperparameterError
from local.algorithm.hyperparameter import Hyperparameters
from local.algorithm.training import Training
from pipeline_src import contract


def train() -> None:
    """Train as ``/opt/ml`` says, and leave the kept weights in its model folder.

    Raises:
        UserError: The hyperparameters, the channels or the values they lead to are not usable.
    """
    root = contract.ml_root()
    hyperparameters = _hyperparameters(root / "input" / "config" / "hyperparameters.json")
    _one_host(root / "input" / "config" / "resourceconfig.json")
    training = Training(
        hyperparameters,
        channel.find(contract.TRAIN, hyperparameters.num_classes),
        channel.find(contract.VALIDATION, hyperparameters.num_classes),
        root / checkpoint.FOLDER,
    )
    state, weights = training.run()
    path = artifact.save(
        root / "model",
        training.learner.symbol,
        weights,
        epoch=state.kept_epoch,
        data_shape=training.learner.data_shape,
    )
    print(f"Saved the model of epoch {state.kept_epoch}, Validation-accuracy={state.kept_accuracy:.6f}: {path}")


def _hyperparameters(path: Path) -> Hyperparameters:
    place = path.name
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise HyperparameterError(f"{path}: no such file. Start the training job with hyperparameters.") from None
    except ValueError as error:
        raise HyperparameterError(f"{place}: no JSON ({error}). Write an object of names and texts.") from None
    if not isinstance(given, dict):
        raise HyperparameterError(f"{place}: no JSON object. Write an object of names and texts.")
    result, notes = hyperparameter.parse(given, place)
    print("\n".join([f"Hyperparameters: {dataclasses.asdict(result)}", *notes]), flush=True)
    return result


def _one_host(path: Path) -> None:
    hosts = json.loads(path.read_text(encoding="utf-8")).get("hosts", []) if path.exists() else []
    if len(hosts) > 1:
        raise ChannelError(
            f"{path.name}: {len(hosts)} hosts, but this stand-in trains on one. Set TrainInstanceCount to 1."
        )
