# SPDX-License-Identifier: MIT-0
"""Lists the requests that AWS makes to perform each step of the pipeline, and who makes them as which role.

performed_access.py holds the roles to this table, and docs/performed-operations.md is generated from it:
``python tests/proof/performed_operations.py``. A step type that is not here is a problem, so that a new one is not
passed over. A row counts for a step as often as its arguments name what the row is on: nothing is asked of a key where
a step names none. [?] marks what no documentation and no public record of a real run settles.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parents[2] / "docs/performed-operations.md"
_PERMISSIONS: Final = "SageMaker Developer Guide, API Permissions Reference"
_EXECUTION: Final = "SageMaker Developer Guide, How to use SageMaker AI execution roles"
_STOP: Final = "SageMaker API Reference, StopPipelineExecution"
_TAGS: Final = "Service Authorization Reference: a request that creates with tags is authorized for AddTags too"
_PROPERTIES: Final = "SageMaker Developer Guide, Pass Data Between Steps; the reader is the pipeline's role [?]"
_CACHE: Final = "SageMaker Developer Guide, Caching pipeline steps, and SageMaker API Reference"
_REGISTERED: Final = (
    "public CloudTrail records of RegisterModel steps: the group is created before each version, also where it exists"
)
_REGISTRY: Final = "AWS Managed Policy Reference, AmazonSageMakerModelRegistryFullAccess [?]"
_VERSION: Final = "SageMaker Developer Guide, Deploy a Model from the Registry"
_PACKAGE_USE: Final = "Service Authorization Reference, AccessModelPackage; not seen in a public record [?]"
_REGION_OF_BUCKET: Final = "SageMaker Developer Guide, execution role examples; S3 clients ask it on a redirect [?]"

EVERY_STEP: Final = "Processing Training Tuning Transform Model RegisterModel Condition Fail"
_JOBS: Final = "Processing Training Tuning Transform"
# Steps whose requests name a VPC; a transform job is in that of its model.
_VPC_STEPS: Final = "Processing Training Tuning Model"
_RUNS: Final = "Processing Training Tuning Transform Model"
# A model that CloudFormation makes for an endpoint, by the type of its resource.
DEPLOYED_MODEL: Final = "AWS::SageMaker::Model"


@dataclass(frozen=True)
class Operation:
    """One kind of request.

    Attributes:
        steps: Step types that it belongs to, or `DEPLOYED_MODEL`, by spaces.
        role: Whose permissions it needs: pipeline, job (that of the job or the model), or deployer.
        actions: IAM actions by spaces; {kind} is the kind of the job, such as TrainingJob.
        on: What the actions are on, a key of `THINGS`.
        source: Where it is documented or was seen.
    """

    steps: str
    role: str
    actions: str
    on: str
    source: str


# What an operation can be on, and by which argument a step names it.
THINGS: Final = {
    "job": ("the step's own job or model", "always"),
    "role": ("the role handed over", "RoleArn, ExecutionRoleArn"),
    "volume key": ("key of the instances' volumes", "VolumeKmsKeyId"),
    "output key": ("key of the outputs", "KmsKeyId"),
    "any key": ("key of what is read", "KmsKeyId, VolumeKmsKeyId"),
    "property file": ("property file of an earlier step", "Std:JsonGet"),
    "inputs": ("objects of the inputs", "S3Uri of inputs and channels, ModelDataUrl"),
    "input prefix": ("bucket of the inputs, below their prefix", "S3Uri of inputs and channels"),
    "outputs": ("objects of the outputs", "S3Uri of outputs, S3OutputPath"),
    "checkpoints": ("objects of the checkpoints", "CheckpointConfig.S3Uri"),
    "checkpoint prefix": ("bucket of the checkpoints, below their prefix", "CheckpointConfig.S3Uri"),
    "bucket": ("buckets of inputs and checkpoints", "S3Uri"),
    "image": ("repository of the image", "ImageUri, TrainingImage, Image"),
    "log group": ("log group of the kind of job", "always"),
    "namespace": ("namespaces below /aws/sagemaker/", "always"),
    "anything": ("no resource", "always"),
    "group": ("the model package group", "ModelPackageGroupName"),
    "interface": ("network interfaces in the subnets of the VPC", "VpcConfig"),
    "interface parts": ("subnets, security groups and the new network interface", "VpcConfig"),
    "network": ("no resource", "VpcConfig"),
    "version": ("versions of the group", "ModelPackageGroupName, ModelPackageName"),
}
OPERATIONS: Final = (
    Operation("Processing Training Transform", "pipeline", "sagemaker:Create{kind}", "job", _PERMISSIONS),
    Operation("Tuning", "pipeline", "sagemaker:Create{kind}", "job", _PERMISSIONS),
    Operation(_JOBS, "pipeline", "sagemaker:Describe{kind}", "job", _CACHE),
    Operation(_JOBS, "pipeline", "sagemaker:Stop{kind}", "job", _STOP),
    Operation("Tuning", "pipeline", "sagemaker:ListTrainingJobsFor{kind}", "job", _PERMISSIONS),
    Operation("Model", "pipeline", "sagemaker:CreateModel sagemaker:DescribeModel", "job", _PERMISSIONS),
    Operation(_RUNS, "pipeline", "sagemaker:AddTags", "job", _TAGS),
    Operation("Processing Training Tuning Model", "pipeline", "iam:PassRole", "role", _PERMISSIONS),
    Operation(_JOBS, "pipeline", "kms:CreateGrant", "volume key", _PERMISSIONS),
    Operation("RegisterModel", "pipeline", "sagemaker:CreateModelPackageGroup", "group", _REGISTERED),
    Operation("RegisterModel", "pipeline", "sagemaker:AddTags", "group", _REGISTERED),
    Operation("RegisterModel", "pipeline", "sagemaker:CreateModelPackage", "version", _PERMISSIONS),
    Operation("RegisterModel", "pipeline", "sagemaker:DescribeModelPackage", "version", _PERMISSIONS),
    Operation("RegisterModel", "pipeline", "sagemaker:AddTags", "version", _TAGS),
    Operation("RegisterModel", "pipeline", "s3:GetObject", "inputs", _REGISTRY),
    Operation("RegisterModel", "pipeline", "ecr:BatchGetImage", "image", _REGISTRY),
    Operation(EVERY_STEP, "pipeline", "s3:GetObject", "property file", _PROPERTIES),
    Operation("Processing", "pipeline", "kms:Decrypt", "any key", _PROPERTIES),
    Operation(_RUNS, "job", "s3:GetObject", "inputs", _EXECUTION),
    Operation(_JOBS, "job", "s3:ListBucket", "input prefix", _EXECUTION),
    Operation(_JOBS, "job", "s3:PutObject s3:AbortMultipartUpload", "outputs", _EXECUTION),
    Operation("Training Tuning", "job", "s3:GetObject s3:PutObject", "checkpoints", _EXECUTION),
    Operation("Training Tuning", "job", "s3:ListBucket", "checkpoint prefix", _EXECUTION),
    Operation(_JOBS, "job", "s3:GetBucketLocation", "bucket", _REGION_OF_BUCKET),
    Operation(_JOBS, "job", "kms:CreateGrant", "volume key", _EXECUTION),
    Operation(_JOBS, "job", "kms:GenerateDataKey kms:Encrypt", "output key", _EXECUTION),
    Operation(_JOBS, "job", "kms:Decrypt", "any key", _EXECUTION),
    Operation(
        "Processing Training Tuning Model",
        "job",
        "ecr:BatchCheckLayerAvailability ecr:BatchGetImage ecr:GetDownloadUrlForLayer",
        "image",
        _EXECUTION,
    ),
    Operation("Processing Training Tuning Model", "job", "ecr:GetAuthorizationToken", "anything", _EXECUTION),
    Operation(
        _JOBS,
        "job",
        "logs:CreateLogGroup logs:CreateLogStream logs:DescribeLogStreams logs:PutLogEvents",
        "log group",
        _EXECUTION,
    ),
    Operation(_JOBS, "job", "cloudwatch:PutMetricData", "namespace", _EXECUTION),
    Operation(
        _VPC_STEPS,
        "job",
        "ec2:DescribeDhcpOptions ec2:DescribeNetworkInterfaces ec2:DescribeSecurityGroups ec2:DescribeSubnets "
        "ec2:DescribeVpcs",
        "network",
        _EXECUTION,
    ),
    Operation(_VPC_STEPS, "job", "ec2:CreateNetworkInterface", "interface parts", _EXECUTION),
    Operation(
        _VPC_STEPS,
        "job",
        "ec2:CreateNetworkInterfacePermission ec2:DeleteNetworkInterface ec2:DeleteNetworkInterfacePermission",
        "interface",
        _EXECUTION,
    ),
    Operation(
        DEPLOYED_MODEL, "deployer", "sagemaker:CreateModel sagemaker:DescribeModel sagemaker:AddTags", "job", _VERSION
    ),
    Operation(DEPLOYED_MODEL, "deployer", "sagemaker:DeleteModel", "job", _PERMISSIONS),
    Operation(DEPLOYED_MODEL, "deployer", "iam:PassRole", "role", _PERMISSIONS),
    Operation(DEPLOYED_MODEL, "deployer", "sagemaker:CreateModel sagemaker:DescribeModelPackage", "version", _VERSION),
    Operation(DEPLOYED_MODEL, "deployer", "sagemaker:AccessModelPackage", "version", _PACKAGE_USE),
)
# What looks as if it took a permission, and why it takes none here.
NOTHING_ASKED: Final = {
    "Condition and Fail": "Pipelines evaluates them itself; only the property files that they name are read.",
    "Lineage of jobs and model packages": "SageMaker records it itself; no documentation or public record shows a "
    "request in the name of the pipeline's role [?].",
    "Experiments": "The definition names no PipelineExperimentConfig, so that nothing of them is created.",
    "Step caching": "The earlier job is described, which has a row; its outputs are read by the next job.",
    "Spot capacity": "Nothing besides the checkpoints.",
    "Retries": "The same requests again.",
    "Warm pools": "KeepAlivePeriodInSeconds is part of CreateTrainingJob; ending one early takes UpdateTrainingJob, "
    "which a person does.",
}


def render() -> str:
    """Return docs/performed-operations.md."""
    return "\n".join((*_lines(), ""))


def _lines() -> Iterator[str]:
    yield "# Operations that AWS performs"
    yield ""
    yield "Generated: `python tests/proof/performed_operations.py` writes this page from its table."
    yield (
        "Every role of the pipeline and of the deployment is held to these rows by `make test`: for each step of the "
        "synthesized definition, each action on what the step names. `[?]`: not settled by documentation or a public "
        "record of a run."
    )
    for role, title in (("pipeline", "The pipeline's role"), ("job", "The jobs' role"), ("deployer", "Deployers")):
        yield from (
            "",
            f"## {title}",
            "",
            "| for | actions | on | where a step names | source |",
            "|---|---|---|---|---|",
        )
        for each in OPERATIONS:
            if each.role == role:
                thing, named = THINGS[each.on]
                steps = ", ".join(each.steps.split()) if each.steps != EVERY_STEP else "every step"
                actions = ", ".join(f"`{action}`" for action in each.actions.split())
                yield f"| {steps} | {actions} | {thing} | {named} | {each.source} |"
    yield from ("", "## Nothing asked", "")
    yield from (f"- {what}: {why}" for what, why in NOTHING_ASKED.items())


if __name__ == "__main__":
    PAGE.write_text(render())
