# SPDX-License-Identifier: MIT-0
"""The two roles of a retraining: what its jobs may do, and what the pipeline that starts them may do.

Sources: SageMaker Developer Guide, "How to use SageMaker AI execution roles" and "IAM access management" of
Pipelines. Names of jobs and models that a pipeline creates begin with "pipelines-".
"""

from aws_cdk import Aws, aws_iam
from constructs import Construct

from pipeline_src import contract
from stacks.grant import allow, arn, of, pass_role, read_prefix, use_key, write_logs, write_prefix
from stacks.storage import StorageStack

_JOBS = ("processing-job", "training-job", "transform-job")
_KINDS = ("ProcessingJob", "TrainingJob", "TransformJob")
_RUN = tuple(f"{verb}{kind}" for kind in _KINDS for verb in ("Create", "Describe", "Stop"))
_TAGS = ("AddTags", "ListTags")
_TUNING = "HyperParameterTuningJob"


def service_principal(service: str) -> aws_iam.ServicePrincipal:
    """Return `service`, such as sagemaker, as a principal that acts for this account alone.

    CodeBuild, EventBridge and SageMaker document that condition for roles ("Cross-service confused deputy prevention").
    """
    own = {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
    return aws_iam.ServicePrincipal(f"{service}.amazonaws.com", conditions=own)


def event_role(scope: Construct, description: str) -> aws_iam.Role:
    """Return the role of rules; a target is given it and adds what it needs. The library's own serves any account."""
    return aws_iam.Role(scope, "EventRole", assumed_by=service_principal("events"), description=description)


def sagemaker_principal() -> aws_iam.ServicePrincipal:
    """Return SageMaker as a principal that acts for this account alone."""
    return service_principal("sagemaker")


class JobRole(aws_iam.Role):
    """What Preprocess, Train, Score and Evaluate run as: reads archives, reads and writes its runs, nothing else."""

    def __init__(self, scope: Construct, id_: str, *, storage: StorageStack) -> None:
        super().__init__(scope, id_, assumed_by=sagemaker_principal(), description="Jobs of the retraining pipeline")
        work = (contract.RUNS_PREFIX, contract.CHECKPOINTS_PREFIX)
        read_prefix(self, storage.raw.bucket_arn, contract.ARCHIVES_PREFIX, contract.ADDITIONS_PREFIX)
        read_prefix(self, storage.runs.bucket_arn, *work)
        write_prefix(self, storage.runs.bucket_arn, *work)
        use_key(self, storage.key.key_arn)
        write_logs(self, "ProcessingJobs", "TrainingJobs", "TransformJobs")


class PipelineRole(aws_iam.Role):
    """What the pipeline runs as: starts, watches and stops its own jobs, and registers in its own group."""

    def __init__(self, scope: Construct, id_: str, *, storage: StorageStack, jobs: JobRole, registry: str) -> None:
        super().__init__(scope, id_, assumed_by=sagemaker_principal(), description="The retraining pipeline")
        own = [arn("sagemaker", f"{kind}/pipelines-*") for kind in (*_JOBS, "model")]
        allow(self, *of("sagemaker", *_RUN, "CreateModel", "DescribeModel", *_TAGS), on=own)
        self._let_register(registry)
        pass_role(self, jobs.role_arn, "sagemaker")
        # The service reads property files, from which conditions and JsonGet take their values, as this role.
        read_prefix(self, storage.runs.bucket_arn, contract.RUNS_PREFIX)
        use_key(self, storage.key.key_arn)

    def _let_register(self, registry: str) -> None:
        """Let it do what a RegisterModel step does, in the group `registry` alone.

        The step creates the group before each version, also where the group exists, and fails if that is denied.
        """
        group, versions = (
            arn("sagemaker", each) for each in (f"model-package-group/{registry}", f"model-package/{registry}/*")
        )
        allow(self, *of("sagemaker", "CreateModelPackageGroup"), on=[group])
        allow(self, *of("sagemaker", "CreateModelPackage", "DescribeModelPackage", "AddTags"), on=[group, versions])

    def let_tune(self, project: str) -> None:
        """Let it start, watch and stop its own tuning jobs, known by the tag `project`, which it gives them itself.

        How the service names them is not documented; in what others show of it, not as it names the other jobs. It
        starts their training jobs by itself, in the role of the jobs.
        """
        names = [arn("sagemaker", "hyper-parameter-tuning-job/*")]
        new, own = ({"StringEquals": {f"aws:{whose}Tag/project": project}} for whose in ("Request", "Resource"))
        allow(self, *of("sagemaker", f"Create{_TUNING}", "AddTags"), on=names, where=new)
        watch = (f"Describe{_TUNING}", f"Stop{_TUNING}", f"ListTrainingJobsFor{_TUNING}")
        allow(self, *of("sagemaker", *watch, *_TAGS), on=names, where=own)
