# SPDX-License-Identifier: MIT-0
"""What stays of cdk-nag's findings, but wildcards in policies (wildcard.py): buckets, functions, policies, queues."""

from typing import Final

from stacks.acknowledgment import Acknowledged, both

_MONITOR: Final = ("Monitoring/Monitor/Start/Resource", "Monitoring/Monitor/Judge/Resource")
_FUNCTIONS: Final = (
    "Retraining/Starter/Start/Resource",
    "Deployment/Approval/ReleaseFunction/Resource",
    "Deployment/Approval/RejectedFunction/Resource",
    "Deployment/Smoke/Resource",
    "Deployment/Promote/Resource",
    *_MONITOR,
)
_TALLY: Final = "Monitoring/Tally/Function/Resource"
_POLICIES: Final = (
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
FINDINGS: Final = (
    Acknowledged(
        "The policy is written for this one role and goes with it. A managed policy could be attached to another role, "
        "and would keep its permissions when this role is gone.",
        both("IAMNoInlinePolicy"),
        _POLICIES,
    ),
    Acknowledged(
        "An archive is the copy of a public download and is uploaded again under the same key; what a lost region "
        "takes, one command brings back. Versions guard against overwriting and deletion.",
        both("S3BucketReplicationEnabled"),
        ("Storage/Raw/Resource",),
    ),
    Acknowledged(
        "A run is made again, byte for byte in its data, from the archive and the commit that it names, and an "
        "endpoint does not outlive its region either. Versions guard against overwriting and deletion.",
        both("S3BucketReplicationEnabled"),
        ("Storage/Runs/Resource",),
    ),
    Acknowledged(
        "What one action of a pipeline hands to the next is worth nothing after the execution, which any push or "
        "approval repeats.",
        both("S3BucketReplicationEnabled"),
        ("Storage/Artifacts/Resource",),
    ),
    Acknowledged(
        "Access logs are for the investigation of incidents in this account. Who must keep them in a second region "
        "has an organization's log archive for it, to which a replica made here would be a second copy.",
        both("S3BucketReplicationEnabled"),
        ("Storage/AccessLogs/Resource",),
    ),
    Acknowledged(
        "S3 delivers access logs only into buckets that are encrypted with S3's own keys (AES256); under a "
        "customer-managed key the logs would be lost without a message.",
        both("S3DefaultEncryptionKMS"),
        ("Storage/AccessLogs/Resource",),
    ),
    Acknowledged(
        "A new account may not reserve any concurrency, because 100 must stay unreserved, so that a reservation "
        "would fail the deployment. Only this application calls the function, a few times a day, and calls that "
        "come together are made one by idempotency tokens.",
        both("LambdaConcurrency"),
        _FUNCTIONS,
    ),
    Acknowledged(
        "A new account may not reserve any concurrency, because 100 must stay unreserved, so that a reservation "
        "would fail the deployment. Lambda lets an event wait for hours where too many come at once, and nothing "
        "but a graph waits for this one.",
        both("LambdaConcurrency"),
        (_TALLY,),
    ),
    Acknowledged(
        "The caller waits for the answer: a failure ends the state machine's execution or the pipeline's action as "
        "failed, where it is seen and repeated. Nothing is left that a queue could hold.",
        both("LambdaDLQ"),
        ("Retraining/Starter/Start/Resource", "Deployment/Smoke/Resource", "Deployment/Promote/Resource"),
    ),
    Acknowledged(
        "Events that do not reach the function go to the rule's dead-letter queue. Those on which it fails, after "
        "Lambda's two more attempts, go to the same queue as its on-failure destination, which the rule passes over.",
        both("LambdaDLQ"),
        (
            "Deployment/Approval/ReleaseFunction/Resource",
            "Deployment/Approval/RejectedFunction/Resource",
            _TALLY,
            *_MONITOR,
        ),
    ),
    Acknowledged(
        "The function calls AWS's own APIs over TLS and nothing else, listens to nothing, and has no data store to "
        "reach in a network. A VPC would add eight interface endpoints or a way to the internet, and protect nothing.",
        both("LambdaInsideVPC"),
        (*_FUNCTIONS, _TALLY),
    ),
    Acknowledged(
        "The project takes its source from CodePipeline or CodeCommit with its role: no URL of a foreign repository is "
        "there, and no credentials that could stand in one.",
        ("HIPAA.Security-CodeBuildProjectSourceRepoUrl",),
        ("Retraining/Push/Build/Resource", "Retraining/Review/Build/Resource"),
    ),
    Acknowledged(
        "The queue is itself where undeliverable events end. The redrive rule asks for one behind it, for ever.",
        ("AwsSolutions-SQS3",),
        ("Retraining/Undelivered/Resource", "Deployment/Undelivered/Resource", "Monitoring/Undelivered/Resource"),
    ),
)
