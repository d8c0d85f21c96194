# SPDX-License-Identifier: MIT-0
"""The specification of a training algorithm: everything that the rest of the application asks about it.

Standard library only: the definition, the stacks and the local engine read it, and so do the jobs. An algorithm is a
folder with a module ``<folder>_specification`` that holds an `AlgorithmSpecification`, and one line in
algorithm_table.py. docs/algorithms.md shows how to add one.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

ParameterValue = str | int | float


@dataclass(frozen=True)
class PipelineParameter:
    """One pipeline parameter; the type of its default is its type, and `choices` are its only values if given."""

    name: str
    default: ParameterValue
    choices: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """Name of the SDK's class for it."""
        return {str: "ParameterString", int: "ParameterInteger", float: "ParameterFloat"}[type(self.default)]

    @property
    def arguments(self) -> dict[str, Any]:
        """The keyword arguments by which the SDK takes it."""
        choices = {"enum_values": list(self.choices)} if self.choices else {}
        return {"name": self.name, "default_value": self.default, **choices}


@dataclass(frozen=True)
class HyperparameterRange:
    """The range of one hyperparameter in a tuning, from `low` to `high`; integers where both are integers.

    Attributes:
        name: Of the hyperparameter.
        noted: Name of the best value in the report; the pipeline parameter's name where there is one.
        low: Lower bound.
        high: Upper bound.
        scaling: ``Linear``, or ``Logarithmic`` for values that differ by orders of magnitude.
    """

    name: str
    noted: str
    low: float
    high: float
    scaling: str

    @property
    def kind(self) -> str:
        """The service's word for it: ``Integer`` or ``Continuous``."""
        return "Integer" if isinstance(self.low, int) and isinstance(self.high, int) else "Continuous"


@dataclass(frozen=True, kw_only=True)
class ContainerImage:
    """A container image: built by the CDK, or one of AWS's own.

    Attributes:
        folder: Folder below containers/ that the CDK builds it from; empty: it is AWS's.
        repository: Repository in AWS's registry account of each region.
        tag: Tag in that repository.
        accounts: That account, by region.
        environment: Folder below .venv with what the image holds, for the process runner.
        serve: What ``serve``, the command of a model server, starts in an image that is built.
        stored_gb: What an image that is built takes in the registry, compressed; an assumption for the estimate.
    """

    folder: str = ""
    repository: str = ""
    tag: str = ""
    accounts: Mapping[str, str] = field(default_factory=dict, compare=False)
    environment: str = "jobs"
    serve: tuple[str, ...] = ()
    stored_gb: float = 0.3

    @property
    def is_built(self) -> bool:
        """Whether the CDK builds it."""
        return bool(self.folder)

    @property
    def local_uri(self) -> str:
        """The URI that stands for it in the sample deployment, which the local engine executes."""
        name = f"local-{self.folder}:latest" if self.folder else f"{self.repository}:{self.tag}"
        return f"000000000000.dkr.ecr.us-east-1.amazonaws.com/{name}"


# Name of the metric that tells how many of its results a training took from its checkpoint folder. An algorithm whose
# checkpoints are `content` should have it: it shows that the folder is filled when a training starts.
REUSED_METRIC: Final = "train:reused"
# The image of all processing jobs. Algorithms may train in it too.
JOBS_IMAGE: Final = ContainerImage(folder="preprocessing")
# The image that serves every model in the ONNX format of serving/onnx_artifact.py.
MODEL_SERVER_IMAGE: Final = ContainerImage(
    folder="model_server", serve=("python", "-m", "pipeline_src.algorithms.serving.onnx_server")
)


@dataclass(frozen=True, kw_only=True)
class LocalStandIn:
    """A substitute, on one machine, for an algorithm that runs in AWS's image only.

    Attributes:
        module: Package that trains and serves: ``python -m <module> train`` and ``... serve``.
        environment: Folder below .venv of its Python.
        sources: Files and folders that it is made of, lock file included; a change invalidates cached steps.
        set_up: What the user must know and run to get the environment.
        notice: What a run with it says to the user.
    """

    module: str
    environment: str
    sources: tuple[str, ...]
    set_up: str
    notice: str


@dataclass(frozen=True, kw_only=True)
class AlgorithmSpecification:
    """Everything about a training algorithm that other code asks.

    Attributes:
        name: Value of the setting `training.algorithm` and of ``--algorithm``; also the name of its folder.
        title: Name in the report, the model card and messages.
        training_image: Image of Train.
        training_module: Module that trains, in an image that the CDK builds, see training_entry.py; empty in AWS's.
        serving_image: Image of the model.
        fixed_hyperparameters: Hyperparameters that no run changes. The definition adds `num_classes`, `image_shape`
            (``3,<side>,<side>``, pixels) and `num_training_samples`, which every algorithm gets.
        parameters: Pipeline parameters of this algorithm alone.
        parameter_of_hyperparameter: Names of these parameters, by the hyperparameter that each sets.
        parameter_defaults: Defaults of pipeline parameters that all algorithms have, where they differ for this one.
        laptop_values: Parameter values of ``--scale laptop``.
        metrics: Patterns by which a metric is found in the log, by name.
        tuning_objective: The metric that a tuning maximizes.
        tuning_ranges: What a tuning may vary.
        checkpoints: What lies in the checkpoint folder of a training: files of this very training (`training`, so that
            only the same training may resume from them), or results named by their content (`content`, which any
            training with the algorithm may reuse, at any time).
        instance_families: Families of instances that can train it; empty: all.
        instance_reason: Why only these.
        volume_key: Whether the training volume gets the deployment's key, which the service refuses for instances with
            local storage, as most GPU types have. None: it does where the chosen type has none.
        maximum_instances: Most instances that one training can share.
        maximum_hours: Time limit of a training, in hours.
        typical_minutes: Billed minutes of a training on HAM10000 with the defaults; an assumption for the estimate.
        model_files: Files of the model artifact, for people.
        weights: Origin and licence of the weights that it starts from.
        stand_in: Its substitute on one machine; None: it runs there itself.
        warm_start: Whether a training can start from the weights of an earlier model of this algorithm, in the channel
            `contract.MODEL_CHANNEL`: `never`; `optional`, so that `contract.ABSENT_OBJECT` there means that there is
            none; or `given`, where the channel must have a model.
        warm_start_refusal: Why it never can.
        unused_when_warm: Names of the parameters without effect in a training that starts from an earlier model.
    """

    name: str
    title: str
    training_image: ContainerImage
    training_module: str = ""
    serving_image: ContainerImage
    fixed_hyperparameters: Mapping[str, str] = field(default_factory=dict)
    parameters: tuple[PipelineParameter, ...] = ()
    parameter_of_hyperparameter: Mapping[str, str] = field(default_factory=dict)
    parameter_defaults: Mapping[str, ParameterValue]
    laptop_values: Mapping[str, ParameterValue] = field(default_factory=dict)
    metrics: Mapping[str, str]
    tuning_objective: str
    tuning_ranges: tuple[HyperparameterRange, ...]
    checkpoints: Literal["training", "content"]
    instance_families: tuple[str, ...] = ()
    instance_reason: str = ""
    volume_key: bool | None
    maximum_instances: int = 20
    maximum_hours: int
    typical_minutes: int
    model_files: tuple[str, ...]
    weights: str
    stand_in: LocalStandIn | None = None
    warm_start: Literal["never", "optional", "given"] = "never"
    warm_start_refusal: str = "its training takes no earlier model"
    unused_when_warm: tuple[str, ...] = ()

    @property
    def images(self) -> tuple[ContainerImage, ...]:
        """Its images, each once."""
        return tuple(dict.fromkeys((self.training_image, self.serving_image)))

    @property
    def default_instance(self) -> str:
        """The instance type that Train uses unless a setting says otherwise."""
        return str(self.parameter_defaults["TrainInstanceType"])

    @property
    def unused_when_tuned(self) -> tuple[str, ...]:
        """Names of the parameters without effect in a tuning, which draws their values."""
        drawn = {each.name for each in self.tuning_ranges}
        return tuple(name for each, name in self.parameter_of_hyperparameter.items() if each in drawn)

    @property
    def fixed_digest(self) -> str:
        """Digest of what no run changes; it distinguishes trainings of two versions of the specification."""
        content = json.dumps(dict(self.fixed_hyperparameters), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:12]
