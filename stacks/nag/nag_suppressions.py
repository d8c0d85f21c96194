# SPDX-License-Identifier: MIT-0
"""Suppressions of cdk-nag findings, each at one construct under its exact id, with the reason for a security reviewer.

The packs are AwsSolutions, NIST 800-53 R5 and HIPAA Security. tests/proof/test_nag.py fails on a finding that is
neither fixed nor suppressed, and on a suppression that no finding needs any more. Wildcards in policies are in
wildcard_suppressions.py. A finding names a resource of a policy as the template does, with references in brackets.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from aws_cdk import Acknowledgment, App, Validations
from constructs import IConstruct

from stacks.settings.deployment_settings import Settings
from stacks.settings.generated_names import CONFIGURATION, MODEL, name_from_stack
from stacks.settings.stage_placement import STAGES

OWN_REGION_AND_ACCOUNT: Final = "<AWS::Region>:<AWS::AccountId>"
SAGEMAKER_ARN: Final = f"arn:<AWS::Partition>:sagemaker:{OWN_REGION_AND_ACCOUNT}"
RAW_BUCKET_ARN: Final = "{name}-storage:ExportsOutputFnGetAttRaw72517081Arn8AABA17C"
RUNS_BUCKET_ARN: Final = "{name}-storage:ExportsOutputFnGetAttRunsE45A2291Arn9AFA3150"
ARTIFACTS_BUCKET_ARN: Final = "{name}-storage:ExportsOutputFnGetAttArtifacts82DD59A1Arn3B515032"


def wildcard_finding_ids(*resources: str) -> tuple[str, ...]:
    """Return the ids of the findings that a policy names `resources`."""
    return tuple(f"AwsSolutions-IAM5[Resource::{each}]" for each in resources)


def role_policy_paths(*roles: str) -> tuple[str, ...]:
    """Return the paths of the policies of `roles`."""
    return tuple(f"{role}/DefaultPolicy/Resource" for role in roles)


@dataclass(frozen=True)
class NagSuppression:
    """Findings that stay for one reason.

    Attributes:
        reason: Why, in a sentence or two.
        findings: Exact ids; `{name}` stands for the settings' name, `{compact}` for it without hyphens,
            `{from_stack[STAGE RESOURCE]}` for the beginning of a generated name (settings/generated_names.py).
        at: Paths of the constructs, each of which has all of the findings.
    """

    reason: str
    findings: tuple[str, ...]
    at: tuple[str, ...]


def suppress_findings(app: App, settings: Settings, table: tuple[NagSuppression, ...]) -> None:
    """Record `table` at its constructs; one that other settings leave out has nothing to acknowledge."""
    for path, finding, reason in suppression_rows(table, settings.name):
        construct: IConstruct | None = app
        for part in path.split("/"):
            construct = construct.node.try_find_child(part) if construct is not None else None
        if construct is not None:
            # With its pack before it, the report lists the finding as acknowledged; without, it says nothing of it.
            id_ = f"{finding.partition('-')[0]}::{finding}"
            Validations.of(construct).acknowledge(Acknowledgment(id=id_, reason=reason))


def suppression_rows(table: tuple[NagSuppression, ...], name: str) -> Iterator[tuple[str, str, str]]:
    """Yield path, finding and reason of each acknowledgment."""
    from_stack = {
        f"{stage} {what}": name_from_stack(name, stage, what) for stage in STAGES for what in (MODEL, CONFIGURATION)
    }
    words = {"name": name, "compact": name.replace("-", ""), "from_stack": from_stack}
    for each in table:
        for path in each.at:
            for finding in each.findings:
                yield path, finding.format(**words), each.reason


def nist_and_hipaa_ids(rule: str) -> tuple[str, str]:
    """Return the finding ids of a rule that NIST's and HIPAA's packs share."""
    return f"NIST.800.53.R5-{rule}", f"HIPAA.Security-{rule}"


_MONITOR_FUNCTIONS: Final = ("Monitoring/Monitor/Start/Resource", "Monitoring/Monitor/Judge/Resource")
_CALLED_FUNCTIONS: Final = (
    "Retraining/Starter/Start/Resource",
    "Deployment/Approval/ReleaseFunction/Resource",
    "Deployment/Approval/RejectedFunction/Resource",
    "Deployment/Smoke/Resource",
    "Deployment/Promote/Resource",
    *_MONITOR_FUNCTIONS,
)
_COUNTER_FUNCTION: Final = "Monitoring/Tally/Function/Resource"
_INLINE_POLICIES: Final = (
    "Training/JobRole/DefaultPolicy/Resource",
    "Training/PipelineRole/DefaultPolicy/Resource",
    "Retraining/Push/BuildRole/DefaultPolicy/Resource",
    "Retraining/Push/Role/DefaultPolicy/Resource",
    "Retraining/Push/EventRole/DefaultPolicy/Resource",
    "Retraining/Review/Role/DefaultPolicy/Resource",
    "Retraining/Review/EventRole/DefaultPolicy/Resource",
    "Retraining/Trigger/EventRole/DefaultPolicy/Resource",
    "Retraining/Starter/Machine/Role/DefaultPolicy/Resource",
    "Retraining/Starter/StartRole/DefaultPolicy/Resource",
    "Deployment/Approval/RejectedFunctionRole/DefaultPolicy/Resource",
    "Deployment/Approval/ReleaseFunctionRole/DefaultPolicy/Resource",
    "Deployment/Delivery/Role/DefaultPolicy/Resource",
    "Deployment/ProductionDeployer/DefaultPolicy/Resource",
    "Deployment/PromoteRole/DefaultPolicy/Resource",
    "Deployment/Serving/Role/DefaultPolicy/Resource",
    "Deployment/SmokeRole/DefaultPolicy/Resource",
    "Deployment/StagingDeployer/DefaultPolicy/Resource",
    "Monitoring/Notifier/Role/DefaultPolicy/Resource",
    "Monitoring/Tally/FunctionRole/DefaultPolicy/Resource",
    "Monitoring/Monitor/Role/DefaultPolicy/Resource",
    "Monitoring/ExportRole/DefaultPolicy/Resource",
    "Monitoring/Monitor/StartRole/DefaultPolicy/Resource",
    "Monitoring/Monitor/JudgeRole/DefaultPolicy/Resource",
)
NAG_SUPPRESSIONS: Final = (
    NagSuppression(
        "The policy is written for this one role and goes with it. A managed policy could be attached to another role, "
        "and would keep its permissions when this role is gone.",
        nist_and_hipaa_ids("IAMNoInlinePolicy"),
        _INLINE_POLICIES,
    ),
    NagSuppression(
        "An archive is the copy of a public download and is uploaded again under the same key; what a lost region "
        "takes, one command brings back. Versions guard against overwriting and deletion.",
        nist_and_hipaa_ids("S3BucketReplicationEnabled"),
        ("Storage/Raw/Resource",),
    ),
    NagSuppression(
        "A run is made again, byte for byte in its data, from the archive and the commit that it names, and an "
        "endpoint does not outlive its region either. Versions guard against overwriting and deletion.",
        nist_and_hipaa_ids("S3BucketReplicationEnabled"),
        ("Storage/Runs/Resource",),
    ),
    NagSuppression(
        "What one action of a pipeline hands to the next is worth nothing after the execution, which any push or "
        "approval repeats.",
        nist_and_hipaa_ids("S3BucketReplicationEnabled"),
        ("Storage/Artifacts/Resource",),
    ),
    NagSuppression(
        "Access logs are for the investigation of incidents in this account. Who must keep them in a second region "
        "has an organization's log archive for it, to which a replica made here would be a second copy.",
        nist_and_hipaa_ids("S3BucketReplicationEnabled"),
        ("Storage/AccessLogs/Resource",),
    ),
    NagSuppression(
        "S3 delivers access logs only into buckets that are encrypted with S3's own keys (AES256); under a "
        "customer-managed key the logs would be lost without a message.",
        nist_and_hipaa_ids("S3DefaultEncryptionKMS"),
        ("Storage/AccessLogs/Resource",),
    ),
    NagSuppression(
        "A new account may not reserve any concurrency, because 100 must stay unreserved, so that a reservation "
        "would fail the deployment. Only this application calls the function, a few times a day, and calls that "
        "come together are made one by idempotency tokens.",
        nist_and_hipaa_ids("LambdaConcurrency"),
        _CALLED_FUNCTIONS,
    ),
    NagSuppression(
        "A new account may not reserve any concurrency, because 100 must stay unreserved, so that a reservation "
        "would fail the deployment. Lambda lets an event wait for hours where too many come at once, and nothing "
        "but a graph waits for this one.",
        nist_and_hipaa_ids("LambdaConcurrency"),
        (_COUNTER_FUNCTION,),
    ),
    NagSuppression(
        "The caller waits for the answer: a failure ends the state machine's execution or the pipeline's action as "
        "failed, where it is seen and repeated. Nothing is left that a queue could hold.",
        nist_and_hipaa_ids("LambdaDLQ"),
        ("Retraining/Starter/Start/Resource", "Deployment/Smoke/Resource", "Deployment/Promote/Resource"),
    ),
    NagSuppression(
        "Events that do not reach the function go to the rule's dead-letter queue. Those on which it fails, after "
        "Lambda's two more attempts, go to the same queue as its on-failure destination, which the rule passes over.",
        nist_and_hipaa_ids("LambdaDLQ"),
        (
            "Deployment/Approval/ReleaseFunction/Resource",
            "Deployment/Approval/RejectedFunction/Resource",
            _COUNTER_FUNCTION,
            *_MONITOR_FUNCTIONS,
        ),
    ),
    NagSuppression(
        "The function calls AWS's own APIs over TLS and nothing else, listens to nothing, and has no data store to "
        "reach in a network. A VPC would add eight interface endpoints or a way to the internet, and protect nothing.",
        nist_and_hipaa_ids("LambdaInsideVPC"),
        (*_CALLED_FUNCTIONS, _COUNTER_FUNCTION),
    ),
    NagSuppression(
        "The project takes its source from CodePipeline or CodeCommit with its role: no URL of a foreign repository is "
        "there, and no credentials that could stand in one.",
        ("HIPAA.Security-CodeBuildProjectSourceRepoUrl",),
        ("Retraining/Push/Build/Resource", "Retraining/Review/Build/Resource"),
    ),
    NagSuppression(
        "The queue is itself where undeliverable events end. The redrive rule asks for one behind it, for ever.",
        ("AwsSolutions-SQS3",),
        ("Retraining/Undelivered/Resource", "Deployment/Undelivered/Resource", "Monitoring/Undelivered/Resource"),
    ),
)
