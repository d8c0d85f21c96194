# SPDX-License-Identifier: MIT-0
"""The two roles of a retraining: that of its jobs, and that of the pipeline that starts them.

Sources: SageMaker Developer Guide, "How to use SageMaker AI execution roles" and "IAM access management" of
Pipelines. Names of jobs and models that a pipeline creates begin with "pipelines-".
"""

from aws_cdk import aws_iam
from constructs import Construct

from pipeline_src import contract
from stacks.constructs.iam_statements import (
    grant_actions,
    grant_key_use,
    grant_pass_role,
    grant_read_prefix,
    grant_write_logs,
    grant_write_prefix,
    resource_arn,
    service_actions,
    service_principal,
)
from stacks.constructs.vpc_network import ExecutionRole
from stacks.settings.deployment_settings import Settings
from stacks.storage.storage_stack import StorageStack

_JOB_RESOURCES = ("processing-job", "training-job", "transform-job")
_JOB_KINDS = ("ProcessingJob", "TrainingJob", "TransformJob")
_JOB_ACTIONS = tuple(f"{verb}{kind}" for kind in _JOB_KINDS for verb in ("Create", "Describe", "Stop"))
_TAG_ACTIONS = ("AddTags", "ListTags")
_TUNING_JOB = "HyperParameterTuningJob"


class JobRole(ExecutionRole):
    """The role of Preprocess, Train, Score and Evaluate: reads archives, reads and writes its runs, nothing else."""

    def __init__(self, scope: Construct, id_: str, *, settings: Settings, storage: StorageStack) -> None:
        super().__init__(scope, id_, settings=settings, description="Jobs of the retraining pipeline")
        work = (contract.RUNS_PREFIX, contract.CHECKPOINTS_PREFIX)
        grant_read_prefix(self, storage.raw.bucket_arn, contract.ARCHIVES_PREFIX, contract.ADDITIONS_PREFIX)
        grant_read_prefix(self, storage.runs.bucket_arn, *work)
        grant_write_prefix(self, storage.runs.bucket_arn, *work)
        grant_key_use(self, storage.key.key_arn)
        grant_write_logs(self, "ProcessingJobs", "TrainingJobs", "TransformJobs")


class PipelineRole(aws_iam.Role):
    """The role of the pipeline: starts, describes and stops the jobs of pipelines, and registers in its own group.

    SageMaker begins the names of the jobs of every pipeline of the account with ``pipelines-``, so those of another
    pipeline are within reach.
    """

    def __init__(self, scope: Construct, id_: str, *, storage: StorageStack, jobs: JobRole, registry: str) -> None:
        super().__init__(scope, id_, assumed_by=service_principal("sagemaker"), description="The retraining pipeline")
        own = [resource_arn("sagemaker", f"{kind}/pipelines-*") for kind in (*_JOB_RESOURCES, "model")]
        grant_actions(
            self, *service_actions("sagemaker", *_JOB_ACTIONS, "CreateModel", "DescribeModel", *_TAG_ACTIONS), on=own
        )
        self._let_register(registry)
        grant_pass_role(self, jobs.role_arn, "sagemaker")
        # The service reads property files, from which conditions and JsonGet take their values, as this role.
        grant_read_prefix(self, storage.runs.bucket_arn, contract.RUNS_PREFIX)
        grant_key_use(self, storage.key.key_arn)

    def _let_register(self, registry: str) -> None:
        """Grant what a RegisterModel step does, in the group `registry` only.

        The step creates the group before each version, also where the group exists, and fails if that is denied.
        """
        group, versions = (
            resource_arn("sagemaker", each)
            for each in (f"model-package-group/{registry}", f"model-package/{registry}/*")
        )
        grant_actions(self, *service_actions("sagemaker", "CreateModelPackageGroup"), on=[group])
        grant_actions(
            self,
            *service_actions("sagemaker", "CreateModelPackage", "DescribeModelPackage", "AddTags"),
            on=[group, versions],
        )

    def let_tune(self, project: str) -> None:
        """Grant starting, describing and stopping tuning jobs with the tag `project`, which the pipeline sets.

        The names of tuning jobs are not documented; published examples do not begin with "pipelines-". The service
        starts their training jobs itself, in the role of the jobs. Tags are given to a job as it is created only: the
        tag of this project on another's job would make that job ours. Source: SageMaker Developer Guide, "Provide
        permissions for tagging SageMaker AI resources" (sagemaker:TaggingAction).
        """
        names = [resource_arn("sagemaker", "hyper-parameter-tuning-job/*")]
        new, own = ({f"aws:{whose}Tag/project": project} for whose in ("Request", "Resource"))
        create = f"Create{_TUNING_JOB}"
        with_it = {"StringEquals": new | {"sagemaker:TaggingAction": create}}
        grant_actions(self, f"sagemaker:{create}", on=names, where={"StringEquals": new})
        grant_actions(self, "sagemaker:AddTags", on=names, where=with_it)
        watch = (f"Describe{_TUNING_JOB}", f"Stop{_TUNING_JOB}", f"ListTrainingJobsFor{_TUNING_JOB}")
        grant_actions(self, *service_actions("sagemaker", *watch, *_TAG_ACTIONS), on=names, where={"StringEquals": own})
