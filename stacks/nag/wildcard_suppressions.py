# SPDX-License-Identifier: MIT-0
"""Suppressions for every `*` in a policy of a role: the role, the resource, and why nothing narrower works."""

from typing import Final

from pipeline_src import contract
from stacks.nag.nag_suppressions import (
    ARTIFACTS_BUCKET_ARN,
    OWN_REGION_AND_ACCOUNT,
    RAW_BUCKET_ARN,
    RUNS_BUCKET_ARN,
    SAGEMAKER_ARN,
    NagSuppression,
    role_policy_paths,
    wildcard_finding_ids,
)
from stacks.settings.generated_names import CONFIGURATION, MODEL
from stacks.settings.stage_placement import STAGES

# Actions that know no resource (Service Authorization Reference); tests/proof/review.py names each of them.
_NO_RESOURCE: Final = wildcard_finding_ids("*")
MONITORING_WILDCARD_SUPPRESSIONS: Final = (
    NagSuppression(
        "PutMetricData knows no resource; a condition limits it to this application's namespace. SageMaker names "
        "captures by the minute, below the prefix of the stage.",
        (*_NO_RESOURCE, *wildcard_finding_ids(f"{RUNS_BUCKET_ARN}/capture/*")),
        role_policy_paths("Monitoring/Tally/FunctionRole"),
    ),
    NagSuppression(
        "SageMaker names captures and log streams by the minute and the host; a table of labels is named by its hash, "
        "reports and windows by their period, accepted baselines by their time, and which run made what is live is "
        "known when the job starts.",
        wildcard_finding_ids(
            f"{RUNS_BUCKET_ARN}/capture/production/*",
            f"{RUNS_BUCKET_ARN}/runs/*/evaluate/evaluation/monitor_*",
            f"{RAW_BUCKET_ARN}/labels/*",
            f"{RUNS_BUCKET_ARN}/monitor/history/*",
            f"{RUNS_BUCKET_ARN}/monitor-baselines/*",
            f"{RUNS_BUCKET_ARN}/monitor/*",
            f"arn:<AWS::Partition>:logs:{OWN_REGION_AND_ACCOUNT}:log-group:/aws/sagemaker/ProcessingJobs*",
        ),
        role_policy_paths("Monitoring/Monitor/Role"),
    ),
    NagSuppression(
        "SageMaker names captures and log streams by the minute and the host; tables of labels and additional archives "
        "are named by their hashes. GetAuthorizationToken and PutMetricData know no resource.",
        wildcard_finding_ids(
            "*",
            f"{RUNS_BUCKET_ARN}/capture/production/*",
            f"{RAW_BUCKET_ARN}/labels/*",
            f"{RAW_BUCKET_ARN}/additions/*",
            f"arn:<AWS::Partition>:logs:{OWN_REGION_AND_ACCOUNT}:log-group:/aws/sagemaker/ProcessingJobs*",
        ),
        role_policy_paths("Monitoring/ExportRole"),
    ),
    NagSuppression(
        "A job is named by the window that it looks at; names of the pipeline's jobs begin with pipelines-.",
        wildcard_finding_ids(f"{SAGEMAKER_ARN}:processing-job/{{name}}-monitor-*"),
        role_policy_paths("Monitoring/Monitor/StartRole"),
    ),
    NagSuppression(
        "A report lies in a folder that is called as its job, which is named by the window that it looked at. "
        "PutMetricData knows no resource; a condition limits it to this application's namespace.",
        (*wildcard_finding_ids(f"{RUNS_BUCKET_ARN}/monitor/{{name}}-monitor-*/monitor.json"), *_NO_RESOURCE),
        role_policy_paths("Monitoring/Monitor/JudgeRole"),
    ),
)


_ALARM_ARN: Final = f"arn:<AWS::Partition>:cloudwatch:{OWN_REGION_AND_ACCOUNT}:alarm"
_JOB_KINDS: Final = ("Processing", "Training", "Transform")
_PIPELINE_CREATED: Final = tuple(
    f"{kind}/pipelines-*" for kind in ("model", "processing-job", "training-job", "transform-job")
)


def _deployment_role_ids(stage: str) -> tuple[str, ...]:
    """Return the wildcards of the role that deploys the endpoint of `stage`."""
    alarms = (f"{_ALARM_ARN}:{{name}}-{stage}-*", f"{_ALARM_ARN}:TargetTracking-endpoint/{{name}}-{stage}/*")
    return (*_generated_name_ids(stage), *wildcard_finding_ids(*alarms))


def _generated_name_ids(stage: str) -> tuple[str, ...]:
    """Return the names that CloudFormation gives to the model and the configuration of `stage`."""
    return tuple(
        finding
        for kind, what in (("endpoint-config", CONFIGURATION), ("model", MODEL))
        for finding in wildcard_finding_ids(
            f"{SAGEMAKER_ARN}:{kind}/{{compact}}{stage}{what}-*",
            f"{SAGEMAKER_ARN}:{kind}/{{from_stack[{stage} {what}]}}-*",
        )
    )


WILDCARD_SUPPRESSIONS: Final = (
    *MONITORING_WILDCARD_SUPPRESSIONS,
    NagSuppression(
        "Keys that are not known beforehand: an archive's is its hash, a run's begins with its execution id. The "
        "prefix is the narrowest that holds them, and the bucket is named.",
        wildcard_finding_ids(
            f"{RAW_BUCKET_ARN}/archives/*",
            f"{RAW_BUCKET_ARN}/additions/*",
            f"{RUNS_BUCKET_ARN}/runs/*",
            f"{RUNS_BUCKET_ARN}/checkpoints/*",
        ),
        role_policy_paths("Training/JobRole"),
    ),
    NagSuppression(
        "The pipeline reads the reports of its own runs, whose keys begin with an execution id, for its conditions.",
        wildcard_finding_ids(f"{RUNS_BUCKET_ARN}/runs/*"),
        role_policy_paths("Training/PipelineRole"),
    ),
    NagSuppression(
        "SageMaker makes a log stream for each host of a job in the group of its kind; the groups are named, and the "
        "star stands for the streams.",
        wildcard_finding_ids(
            *(
                f"arn:<AWS::Partition>:logs:{OWN_REGION_AND_ACCOUNT}:log-group:/aws/sagemaker/{each}Jobs*"
                for each in _JOB_KINDS
            )
        ),
        role_policy_paths("Training/JobRole"),
    ),
    NagSuppression(
        "GetAuthorizationToken and PutMetricData know no resource. A token opens no repository that the role may not "
        "pull from, and the metrics are limited to SageMaker's namespaces by a condition.",
        _NO_RESOURCE,
        role_policy_paths("Training/JobRole", "Deployment/Serving/Role", "Monitoring/Monitor/Role"),
    ),
    NagSuppression(
        "Pipelines itself names what it creates, beginning with pipelines-, as in every pipeline of the account. "
        "The names of tuning jobs do not; a condition asks for this application's tag.",
        wildcard_finding_ids(
            *(f"{SAGEMAKER_ARN}:{each}" for each in (*_PIPELINE_CREATED, "hyper-parameter-tuning-job/*"))
        ),
        role_policy_paths("Training/PipelineRole"),
    ),
    NagSuppression(
        "The number of a version is given by the registry when it is registered; the group is named.",
        wildcard_finding_ids(f"{SAGEMAKER_ARN}:model-package/{{name}}/*"),
        role_policy_paths(
            "Training/PipelineRole",
            "Retraining/Starter/StartRole",
            "Monitoring/Monitor/StartRole",
            "Deployment/Approval/ReleaseFunctionRole",
            "Deployment/SmokeRole",
            "Deployment/StagingDeployer",
            "Deployment/ProductionDeployer",
        ),
    ),
    NagSuppression(
        "CodePipeline chooses the keys of artifacts and begins them with the first twenty letters of the pipeline's "
        "name; other pipelines' artifacts begin differently.",
        wildcard_finding_ids(f"{ARTIFACTS_BUCKET_ARN}/{{name}}-source*"),
        role_policy_paths("Retraining/Push/Role", "Retraining/Push/BuildRole"),
    ),
    NagSuppression(
        "CodePipeline chooses the keys of artifacts and begins them with the first twenty letters of the pipeline's "
        "name; other pipelines' artifacts begin differently.",
        wildcard_finding_ids(f"{ARTIFACTS_BUCKET_ARN}/{{name}}-delivery*"),
        role_policy_paths("Deployment/Delivery/Role"),
    ),
    NagSuppression(
        "An execution's id is given when it starts; the state machine is named, and the role may only look.",
        wildcard_finding_ids(
            f"arn:<AWS::Partition>:states:{OWN_REGION_AND_ACCOUNT}:execution:<StarterMachine2B0BC0C0.Name>:*"
        ),
        role_policy_paths("Retraining/Push/Role"),
    ),
    NagSuppression(
        "An execution's id is given when it starts; the pipeline is named, and the role may only look.",
        wildcard_finding_ids(f"{SAGEMAKER_ARN}:pipeline/{{name}}/execution/*"),
        role_policy_paths("Retraining/Starter/Machine/Role"),
    ),
    NagSuppression(
        "The star is the version or alias of the one named function; it is published by this stack alone.",
        wildcard_finding_ids("<StarterStart2EB56BA2.Arn>:*"),
        role_policy_paths("Retraining/Starter/Machine/Role"),
    ),
    NagSuppression(
        "Log delivery and X-Ray of a state machine know no resource (Step Functions Developer Guide, Logging).",
        _NO_RESOURCE,
        role_policy_paths("Retraining/Starter/Machine/Role"),
    ),
    NagSuppression(
        "CloudFormation adds a random id to a stack's ARN; its name is given.",
        wildcard_finding_ids(
            *(
                f"arn:<AWS::Partition>:cloudformation:{OWN_REGION_AND_ACCOUNT}:stack/{{name}}-{each}/*"
                for each in STAGES
            )
        ),
        role_policy_paths("Deployment/Delivery/Role"),
    ),
    NagSuppression(
        "ListFunctions knows no resource. CodePipeline's documented policy of a Lambda action asks for it.",
        _NO_RESOURCE,
        role_policy_paths("Deployment/Delivery/Role"),
    ),
    NagSuppression(
        "The results of a CodePipeline job know no resource; only the function that was given a job knows its id.",
        _NO_RESOURCE,
        role_policy_paths("Deployment/SmokeRole", "Deployment/PromoteRole"),
    ),
    NagSuppression(
        "Model and configuration are unnamed, so that a new version replaces them: CloudFormation adds random letters "
        "to a logical id that begins with this application's name. So do the alarms of target tracking.",
        _deployment_role_ids("staging"),
        role_policy_paths("Deployment/StagingDeployer"),
    ),
    NagSuppression(
        "Model and configuration are unnamed, so that a new version replaces them: CloudFormation adds random letters "
        "to a logical id that begins with this application's name. So do the alarms of target tracking.",
        _deployment_role_ids("production"),
        role_policy_paths("Deployment/ProductionDeployer"),
    ),
    NagSuppression(
        "Before Application Auto Scaling takes a scaling target, it makes, deletes and reads an alarm in the caller's "
        "name without naming one, and refuses the target if that is denied.",
        wildcard_finding_ids(f"{_ALARM_ARN}:*"),
        role_policy_paths("Deployment/ProductionDeployer"),
    ),
    NagSuppression(
        "What is live is looked up by the names that CloudFormation gave; the role may only look.",
        _generated_name_ids("production"),
        role_policy_paths("Deployment/PromoteRole"),
    ),
    NagSuppression(
        "A scalable target's ARN is a random id that no template knows; a condition limits the actions to targets of "
        "SageMaker. The Describe actions of Application Auto Scaling know no resource.",
        (
            *wildcard_finding_ids(
                f"arn:<AWS::Partition>:application-autoscaling:{OWN_REGION_AND_ACCOUNT}:scalable-target/*"
            ),
            *_NO_RESOURCE,
        ),
        role_policy_paths("Deployment/StagingDeployer", "Deployment/ProductionDeployer"),
    ),
    NagSuppression(
        "Which run made a model, and which images its evaluation took, is known only when the package is delivered; "
        "the file's name is given, and the role may only read.",
        wildcard_finding_ids(
            f"{RUNS_BUCKET_ARN}/runs/*/{contract.HOLDOUT_OUTPUT}/{contract.HELD_OUT_FILES}",
            f"{RUNS_BUCKET_ARN}/runs/*/{contract.PREDICTIONS_FILE}",
        ),
        role_policy_paths("Deployment/SmokeRole"),
    ),
    NagSuppression(
        "Which run made a model is known only when its package is delivered; SageMaker names captures and streams by "
        "the minute and the host, below the endpoint's own prefix; alarms are looked up by the endpoint's name.",
        wildcard_finding_ids(
            f"{RUNS_BUCKET_ARN}/runs/*/model.tar.gz",
            f"{RUNS_BUCKET_ARN}/capture/*",
            f"arn:<AWS::Partition>:logs:{OWN_REGION_AND_ACCOUNT}:log-group:/aws/sagemaker/Endpoints/{{name}}-*",
            f"arn:<AWS::Partition>:cloudwatch:{OWN_REGION_AND_ACCOUNT}:alarm:{{name}}-*",
        ),
        role_policy_paths("Deployment/Serving/Role"),
    ),
)
