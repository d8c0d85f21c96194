# SPDX-License-Identifier: MIT-0
"""The deployment that a pipeline belongs to: the values that differ between deployments.

Standard library only. In a CDK application most of these values are tokens, strings such as
``${Token[TOKEN.12]}`` that the SageMaker SDK cannot parse. The definition is therefore built from
`placeholder_deployment(...)`, whose values have the expected form, and `fill_placeholders(...)` puts the real values
into the finished JSON.
"""

import dataclasses
import json
import logging
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from pipeline_src.algorithms.algorithm_specification import JOBS_IMAGE, AlgorithmSpecification
from pipeline_src.algorithms.algorithm_table import DEFAULT_ALGORITHM, find_algorithm
from pipeline_src.definition import instance_types

_MARK: Final = "stand-in"
_LEFT_OVER: Final = re.compile(rf"[^\"]*{_MARK}[^\"]*")
# The shape that the SDK or botocore expects of each value.
_SHAPES: Final = {
    "role_arn": "arn:aws:iam::111111111111:role/{}",
    "kms_key_arn": "arn:aws:kms:us-east-1:111111111111:key/{}",
    "preprocessing_image": "111111111111.dkr.ecr.us-east-1.amazonaws.com/{}:latest",
    "absent": "s3://{}/absent.json",
    "training_image": "111111111111.dkr.ecr.us-east-1.amazonaws.com/{}:latest",
    "serving_image": "111111111111.dkr.ecr.us-east-1.amazonaws.com/{}:latest",
}
# `region` is no part of the JSON: a pipeline runs where it was created.
_NOT_IN_DEFINITION: Final = frozenset(
    {"region", "algorithm", "spot", "tags", "defaults", "tuning", "keep_warm_seconds", "network", "warm_start"}
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TuningSettings:
    """A hyperparameter tuning in place of one training; its best model is evaluated.

    The type of a step cannot be a pipeline parameter, so this is a value of the deployment.

    Attributes:
        jobs: Number of training jobs.
        parallel: Number of jobs that run at the same time.
    """

    jobs: int
    parallel: int = 1

    def __post_init__(self) -> None:
        """Check the numbers of jobs.

        Raises:
            ValueError: Fewer than two jobs, or more in parallel than there are.
        """
        if self.jobs < 2 or not 1 <= self.parallel <= self.jobs:
            raise ValueError(f"tuning: {self.parallel} of {self.jobs} jobs at once. Give 2 jobs or more, and 1 to all.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PipelineDeployment:
    """The values of one deployment. Each string may be a CDK token.

    Attributes:
        pipeline_name: Name of the pipeline; every job carries it in the tag `pipeline`.
        region: AWS region, used in ARNs; the definition does not depend on it.
        role_arn: Role that the jobs assume.
        preprocessing_image: Image URI in which Preprocess and Evaluate run.
        algorithm: Name of the algorithm that Train runs.
        training_image: Image URI of Train.
        serving_image: Image URI of the model.
        raw_bucket: Name of the bucket that holds archives/.
        runs_bucket: Name of the bucket that receives runs/<execution id>/<step>/<output>.
        kms_key_arn: Key for volumes and outputs.
        model_package_group: Name of the model package group that Register adds to.
        absent: URI of an object that holds `contract.ABSENT_OBJECT`, for the time before there is a champion or an
            additional archive: a job whose input names no object fails.
        spot: Whether Train uses managed spot capacity: up to 70 % cheaper, may wait or be interrupted.
        tags: Further tags of every job, model and model package; keys are plain strings.
        defaults: Defaults of pipeline parameters that replace those of pipeline_parameters.py, by name.
        keep_warm_seconds: How long the instances of Train are kept for a similar training; 0: not at all.
        warm_start: Whether Train starts from the weights of the model that an execution names, see `contract`.
        network: VpcConfig of every job and model, in SageMaker's form; empty: none.
        tuning: The hyperparameter tuning of Train; None: it trains once with the values of the parameters.
    """

    pipeline_name: str
    region: str
    role_arn: str
    preprocessing_image: str
    training_image: str
    serving_image: str
    raw_bucket: str
    runs_bucket: str
    kms_key_arn: str
    model_package_group: str
    absent: str
    algorithm: str = DEFAULT_ALGORITHM
    spot: bool = False
    tags: Mapping[str, str] = dataclasses.field(default_factory=dict)
    defaults: Mapping[str, str | int | float] = dataclasses.field(default_factory=dict)
    tuning: TuningSettings | None = None
    keep_warm_seconds: int = 0
    warm_start: bool = False
    network: Mapping[str, list[str]] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check values that exclude each other.

        Raises:
            ValueError: An unknown algorithm; spot capacity with a tuning, where the jobs would resume from checkpoints
                of other hyperparameters; a warm pool with spot capacity, which has none, or with a tuning, which
                keeps its instances itself; or a warm start of an algorithm that has none.
        """
        if self.spot and self.tuning and self.specification.checkpoints == "training":
            raise ValueError("spot and tuning: the jobs would share their checkpoints. Choose one of the two.")
        if self.keep_warm_seconds and (self.spot or self.tuning):
            taken = "spot" if self.spot else "tuning"
            raise ValueError(f"keep_warm_seconds {self.keep_warm_seconds} and {taken}: no warm pool there. Give 0.")
        if self.warm_start and self.specification.warm_start == "never":
            raise ValueError(f"warm_start and {self.algorithm}: {self.specification.warm_start_refusal}. Give False.")

    @property
    def specification(self) -> AlgorithmSpecification:
        """The specification of the algorithm."""
        return find_algorithm(self.algorithm)

    @property
    def training_volume_key(self) -> bool:
        """Whether the volumes of the training's instances get the deployment's key."""
        chosen = str(self.defaults.get("TrainInstanceType", self.specification.default_instance))
        return instance_types.training_volume_key(self.specification, chosen)

    def uri(self, prefix: str) -> str:
        """Return the URI of `prefix` (``runs/``) in the bucket of runs, without its last slash."""
        return f"s3://{self.runs_bucket}/{prefix.removesuffix('/')}"


def offline_deployment(algorithm: str = DEFAULT_ALGORITHM) -> PipelineDeployment:
    """Return sample values: what `python -m pipeline_src.definition.pipeline` prints, and the local runner executes."""
    specification = find_algorithm(algorithm)
    return PipelineDeployment(
        pipeline_name="skin-lesion",
        region="us-east-1",
        role_arn="arn:aws:iam::000000000000:role/local-job",
        preprocessing_image=JOBS_IMAGE.local_uri,
        training_image=specification.training_image.local_uri,
        serving_image=specification.serving_image.local_uri,
        raw_bucket="local-raw",
        runs_bucket="local-runs",
        kms_key_arn="arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000",
        model_package_group="skin-lesion",
        absent="s3://local-runs/absent.json",
        algorithm=algorithm,
        tags={"project": "skin-lesion-mlops"},
    )


OFFLINE_DEPLOYMENT: Final = offline_deployment()

# The SDK's configuration, in place of files that may lie on a machine: no telemetry, and nothing else.
SDK_CONFIG: Final = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}

# An environment without an account: nothing is read from ~/.aws, and no credential process is run.
_NO_ACCOUNT_ENVIRONMENT: Final = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "SAGEMAKER_VALIDATE_ROLE": "false",
}
_UNSET_VARIABLES: Final = dict.fromkeys(("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION"), "")


def placeholder_deployment(deployment: PipelineDeployment) -> PipelineDeployment:
    """Return `deployment` with every string that enters the JSON replaced by a plain one of the same shape."""
    names = [field.name for field in dataclasses.fields(deployment) if field.name not in _NOT_IN_DEFINITION]
    plain: dict[str, Any] = {
        name: _SHAPES.get(name, "{}").format(f"{_MARK}-{name.replace('_', '-')}") for name in names
    }
    tags = {key: f"{_MARK}-tag-{number:02d}" for number, key in enumerate(deployment.tags)}
    return dataclasses.replace(deployment, **plain, tags=tags)


def fill_placeholders(text: str, deployment: PipelineDeployment) -> str:
    """Return the JSON `text`, built from `placeholder_deployment(deployment)`, with the values of `deployment`.

    Longest first and in one pass, so that no value is replaced inside another.

    Raises:
        RuntimeError: A value is not used by the definition, or a placeholder is left in it.
    """
    values = _replacements(deployment)
    unused = sorted(plain for plain in values if plain not in text)
    if unused:
        raise RuntimeError(f"pipeline definition: {unused}: not used. Use them in pipeline.py or drop their fields.")
    longest_first = "|".join(re.escape(plain) for plain in sorted(values, key=len, reverse=True))
    parts = re.split(f"({longest_first})", text)
    left_over = [found for part in parts if part not in values for found in _LEFT_OVER.findall(part)]
    if left_over:
        raise RuntimeError(f"pipeline definition: {left_over}: nothing to replace them by. Don't reshape the values.")
    return "".join(json.dumps(values[part])[1:-1] if part in values else part for part in parts)


def _replacements(deployment: PipelineDeployment) -> dict[str, str]:
    plain = placeholder_deployment(deployment)
    names = [field.name for field in dataclasses.fields(deployment) if field.name not in _NOT_IN_DEFINITION]
    fields = {getattr(plain, name): getattr(deployment, name) for name in names}
    return fields | {plain.tags[key]: value for key, value in deployment.tags.items()}


@contextmanager
def sdk_offline() -> Iterator[None]:
    """Keep the SageMaker SDK offline and silent inside the `with` block.

    On import and in use the SDK opens sessions, which need a region and look for credentials; it looks roles up in
    IAM unless told not to; and it logs each value that it leaves out of a definition. The environment is restored
    after the block.
    """
    before = {name: os.environ.pop(name, None) for name in _NO_ACCOUNT_ENVIRONMENT | _UNSET_VARIABLES}
    muted = logging.root.manager.disable
    os.environ.update(_NO_ACCOUNT_ENVIRONMENT)
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(muted)
        for name in _NO_ACCOUNT_ENVIRONMENT:
            del os.environ[name]
        os.environ.update({name: value for name, value in before.items() if value is not None})
