# SPDX-License-Identifier: MIT-0
"""Where a pipeline lives: the values that differ between one deployment and the next.

Standard library only. In a CDK application most of these values are tokens, strings such as
``${Token[TOKEN.12]}`` that the SageMaker SDK cannot parse. So the definition is built over `stand_in(...)`,
whose values look like real ones, and `filled(...)` puts the true values into the finished JSON.
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

_MARK: Final = "stand-in"
_LEFT_OVER: Final = re.compile(rf"[^\"]*{_MARK}[^\"]*")
# The shape that the SDK or botocore expects of each value.
_SHAPES: Final = {
    "role_arn": "arn:aws:iam::111111111111:role/{}",
    "kms_key_arn": "arn:aws:kms:us-east-1:111111111111:key/{}",
    "preprocessing_image": "111111111111.dkr.ecr.us-east-1.amazonaws.com/{}:latest",
    "absent": "s3://{}/absent.json",
    "algorithm_image": "111111111111.dkr.ecr.us-east-1.amazonaws.com/{}:latest",
}
# `region` is no part of the JSON: a pipeline runs where it was created.
_NOT_IN_DEFINITION: Final = frozenset({"region", "spot", "tags", "defaults", "tuning", "keep_warm_seconds", "network"})


@dataclasses.dataclass(frozen=True, kw_only=True)
class TuningSettings:
    """Several trainings in place of one, of which the best goes on.

    A step's kind cannot be a pipeline parameter, so this belongs to where the pipeline lives.

    Attributes:
        jobs: How many trainings.
        parallel: How many of them at the same time.
    """

    jobs: int
    parallel: int = 1

    def __post_init__(self) -> None:
        """Refuse what is no tuning.

        Raises:
            ValueError: It is none.
        """
        if self.jobs < 2 or not 1 <= self.parallel <= self.jobs:
            raise ValueError(f"tuning: {self.parallel} of {self.jobs} jobs at once. Give 2 jobs or more, and 1 to all.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PipelineDeployment:
    """One place to run the pipeline in. Each string may be a CDK token.

    Attributes:
        pipeline_name: Name of the pipeline; every job carries it in the tag `pipeline`.
        region: AWS region, for those who build ARNs; the definition does not depend on it.
        role_arn: Role that the jobs assume.
        preprocessing_image: Image URI in which Preprocess and Evaluate run.
        algorithm_image: Image URI of the built-in `image-classification` algorithm in the region.
        raw_bucket: Name of the bucket that holds archives/.
        runs_bucket: Name of the bucket that receives runs/<execution id>/<step>/<output>.
        kms_key_arn: Key for volumes and outputs.
        model_package_group: Name of the model package group that Register adds to.
        absent: URI of an object that holds `contract.ABSENT`, for the time before there is a champion or an additional
            archive: a processing job whose input names no object fails.
        spot: Whether Train uses managed spot capacity: up to 70 % cheaper, may wait or be interrupted.
        tags: Further tags of every job, model and model package; keys are plain strings.
        defaults: Other defaults of pipeline parameters than those of parameter.py, by name.
        keep_warm_seconds: How long the instances of Train are kept for a next training that is alike; 0: not at all.
        network: VpcConfig of every job and model, in SageMaker's form; empty: none.
        tuning: Whether, and how, Train looks for hyperparameters; None: it trains once with those of the parameters.
    """

    pipeline_name: str
    region: str
    role_arn: str
    preprocessing_image: str
    algorithm_image: str
    raw_bucket: str
    runs_bucket: str
    kms_key_arn: str
    model_package_group: str
    absent: str
    spot: bool = False
    tags: Mapping[str, str] = dataclasses.field(default_factory=dict)
    defaults: Mapping[str, str | int | float] = dataclasses.field(default_factory=dict)
    tuning: TuningSettings | None = None
    keep_warm_seconds: int = 0
    network: Mapping[str, list[str]] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what contradicts.

        Raises:
            ValueError: Spot capacity for a tuning: all its jobs would write their checkpoints to one prefix, and
                resume from those of another set of hyperparameters. Or instances to keep where the service keeps none,
                those of spot capacity, or by itself, those of a tuning.
        """
        if self.spot and self.tuning:
            raise ValueError("spot and tuning: the jobs would share their checkpoints. Choose one of the two.")
        if self.keep_warm_seconds and (self.spot or self.tuning):
            taken = "spot" if self.spot else "tuning"
            raise ValueError(f"keep_warm_seconds {self.keep_warm_seconds} and {taken}: no warm pool there. Give 0.")

    def uri(self, prefix: str) -> str:
        """Return the URI of `prefix` (``runs/``) in the bucket of runs, without its last slash."""
        return f"s3://{self.runs_bucket}/{prefix.removesuffix('/')}"


# Sample values: what `python -m pipeline_src.definition.pipeline` prints, and what the local runner interprets.
OFFLINE_DEPLOYMENT: Final = PipelineDeployment(
    pipeline_name="skin-lesion",
    region="us-east-1",
    role_arn="arn:aws:iam::000000000000:role/local-job",
    preprocessing_image="000000000000.dkr.ecr.us-east-1.amazonaws.com/local-preprocessing:latest",
    algorithm_image="000000000000.dkr.ecr.us-east-1.amazonaws.com/image-classification:1",
    raw_bucket="local-raw",
    runs_bucket="local-runs",
    kms_key_arn="arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000",
    model_package_group="skin-lesion",
    absent="s3://local-runs/absent.json",
    tags={"project": "skin-lesion-mlops"},
)

# The SDK's configuration, in place of files that may lie on a machine: no telemetry, and nothing else.
SDK_CONFIG: Final = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}

# The environment of somebody who has no account: nothing is read from ~/.aws, and no process of the user's is asked.
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
    """Return the JSON `text`, built over `stand_in(deployment)`, with the deployment's own values.

    Longest first and in one pass, so that no value is replaced inside another.

    Raises:
        RuntimeError: if a value is not used by the definition, or a stand-in is left in it.
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
    """Let the SageMaker SDK, inside the `with` block, ask nobody for anything and say nothing.

    As it is imported and when it is used it opens sessions of its own, which want a region and look for
    credentials; it looks roles up in IAM unless told not to; and it logs each thing that it leaves out of a
    definition. All is as before after the block.
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
