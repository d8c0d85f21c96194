# SPDX-License-Identifier: MIT-0
"""Every `*` in a policy of a role: at which role, exactly which, and why nothing narrower would do."""

from typing import Final

from stacks.acknowledgment import Acknowledged
from stacks.finding_id import ARTIFACTS, OWN, RAW, RUNS, SAGEMAKER, on, policy
from stacks.monitoring_wildcard import MONITORING

_ALARM: Final = f"arn:<AWS::Partition>:cloudwatch:{OWN}:alarm"
_KINDS: Final = ("Processing", "Training", "Transform")
_CREATED: Final = tuple(f"{kind}/pipelines-*" for kind in ("model", "processing-job", "training-job", "transform-job"))
_STAGES: Final = ("staging", "production")


def _deployer(stage: str) -> tuple[str, ...]:
    """Return the wildcards of the role that deploys the endpoint of `stage`."""
    alarms = (f"{_ALARM}:{{name}}-{stage}-*", f"{_ALARM}:TargetTracking-endpoint/{{name}}-{stage}/*")
    return (*_made(stage), *on(*alarms))


def _made(stage: str) -> tuple[str, ...]:
    """Return the names that CloudFormation gives to the model and the configuration of `stage`."""
    return tuple(
        finding
        for kind, id_ in (
            ("endpoint-config", f"{{compact}}{stage}configuration"),
            ("model", f"{{compact}}{stage}model"),
        )
        for finding in on(f"{SAGEMAKER}:{kind}/{id_}-*", f"{SAGEMAKER}:{kind}/{{name}}-{stage}-{id_}-*")
    )


# Actions that know no resource (Service Authorization Reference); tests/proof/review.py names each of them.
_NO_RESOURCE: Final = on("*")
WILDCARDS: Final = (
    *MONITORING,
    Acknowledged(
        "Keys that are not known beforehand: an archive's is its hash, a run's begins with its execution id. The "
        "prefix is the narrowest that holds them, and the bucket is named.",
        on(f"{RAW}/archives/*", f"{RAW}/additions/*", f"{RUNS}/runs/*", f"{RUNS}/checkpoints/*"),
        policy("Training/JobRole"),
    ),
    Acknowledged(
        "The pipeline reads the reports of its own runs, whose keys begin with an execution id, for its conditions.",
        on(f"{RUNS}/runs/*"),
        policy("Training/PipelineRole"),
    ),
    Acknowledged(
        "SageMaker makes a log stream for each host of a job in the group of its kind; the groups are named, and the "
        "star stands for the streams.",
        on(*(f"arn:<AWS::Partition>:logs:{OWN}:log-group:/aws/sagemaker/{each}Jobs*" for each in _KINDS)),
        policy("Training/JobRole"),
    ),
    Acknowledged(
        "GetAuthorizationToken and PutMetricData know no resource. A token opens no repository that the role may not "
        "pull from, and the metrics are limited to SageMaker's namespaces by a condition.",
        _NO_RESOURCE,
        policy("Training/JobRole", "Deployment/Serving/Role", "Monitoring/Monitor/Role"),
    ),
    Acknowledged(
        "Pipelines itself names what it creates, and begins each name with pipelines-; nobody else's job begins so. "
        "The names of tuning jobs do not; a condition asks for this application's tag.",
        on(*(f"{SAGEMAKER}:{each}" for each in (*_CREATED, "hyper-parameter-tuning-job/*"))),
        policy("Training/PipelineRole"),
    ),
    Acknowledged(
        "The number of a version is given by the registry when it is registered; the group is named.",
        on(f"{SAGEMAKER}:model-package/{{name}}/*"),
        policy(
            "Training/PipelineRole",
            "Retraining/Starter/StartRole",
            "Monitoring/Monitor/StartRole",
            "Deployment/Approval/ReleaseFunctionRole",
            "Deployment/SmokeRole",
            "Deployment/StagingDeployer",
            "Deployment/ProductionDeployer",
        ),
    ),
    Acknowledged(
        "CodePipeline chooses the keys of artifacts and begins them with the first twenty letters of the pipeline's "
        "name; other pipelines' artifacts begin differently.",
        on(f"{ARTIFACTS}/{{name}}-source*"),
        policy("Retraining/Push/Role", "Retraining/Push/BuildRole"),
    ),
    Acknowledged(
        "CodePipeline chooses the keys of artifacts and begins them with the first twenty letters of the pipeline's "
        "name; other pipelines' artifacts begin differently.",
        on(f"{ARTIFACTS}/{{name}}-delivery*"),
        policy("Deployment/Delivery/Role"),
    ),
    Acknowledged(
        "An execution's id is given when it starts; the state machine is named, and the role may only look.",
        on(f"arn:<AWS::Partition>:states:{OWN}:execution:<StarterMachine2B0BC0C0.Name>:*"),
        policy("Retraining/Push/Role"),
    ),
    Acknowledged(
        "An execution's id is given when it starts; the pipeline is named, and the role may only look.",
        on(f"{SAGEMAKER}:pipeline/{{name}}/execution/*"),
        policy("Retraining/Starter/Machine/Role"),
    ),
    Acknowledged(
        "The star is the version or alias of the one named function; it is published by this stack alone.",
        on("<StarterStart2EB56BA2.Arn>:*"),
        policy("Retraining/Starter/Machine/Role"),
    ),
    Acknowledged(
        "Log delivery and X-Ray of a state machine know no resource (Step Functions Developer Guide, Logging).",
        _NO_RESOURCE,
        policy("Retraining/Starter/Machine/Role"),
    ),
    Acknowledged(
        "CloudFormation adds a random id to a stack's ARN; its name is given.",
        on(*(f"arn:<AWS::Partition>:cloudformation:{OWN}:stack/{{name}}-{each}/*" for each in _STAGES)),
        policy("Deployment/Delivery/Role"),
    ),
    Acknowledged(
        "ListFunctions knows no resource. CodePipeline's documented policy of a Lambda action asks for it.",
        _NO_RESOURCE,
        policy("Deployment/Delivery/Role"),
    ),
    Acknowledged(
        "The results of a CodePipeline job know no resource; only the function that was given a job knows its id.",
        _NO_RESOURCE,
        policy("Deployment/SmokeRole", "Deployment/PromoteRole"),
    ),
    Acknowledged(
        "Model and configuration are unnamed, so that a new version replaces them: CloudFormation adds random letters "
        "to a logical id that begins with this application's name. So do the alarms of target tracking.",
        _deployer("staging"),
        policy("Deployment/StagingDeployer"),
    ),
    Acknowledged(
        "Model and configuration are unnamed, so that a new version replaces them: CloudFormation adds random letters "
        "to a logical id that begins with this application's name. So do the alarms of target tracking.",
        _deployer("production"),
        policy("Deployment/ProductionDeployer"),
    ),
    Acknowledged(
        "Before Application Auto Scaling takes a scaling target, it makes, deletes and reads an alarm in the caller's "
        "name without naming one, and refuses the target if that is denied.",
        on(f"{_ALARM}:*"),
        policy("Deployment/ProductionDeployer"),
    ),
    Acknowledged(
        "What is live is looked up by the names that CloudFormation gave; the role may only look.",
        _made("production"),
        policy("Deployment/PromoteRole"),
    ),
    Acknowledged(
        "A scalable target's ARN is a random id that no template knows; a condition limits the actions to targets of "
        "SageMaker. The Describe actions of Application Auto Scaling know no resource.",
        (*on(f"arn:<AWS::Partition>:application-autoscaling:{OWN}:scalable-target/*"), *_NO_RESOURCE),
        policy("Deployment/StagingDeployer", "Deployment/ProductionDeployer"),
    ),
    Acknowledged(
        "Which run made a model, and which images its evaluation took, is known only when the package is delivered; "
        "the file's name is given, and the role may only read.",
        on(f"{RUNS}/runs/*/holdout/*.jpg", f"{RUNS}/runs/*/predictions.csv"),
        policy("Deployment/SmokeRole"),
    ),
    Acknowledged(
        "Which run made a model is known only when its package is delivered; SageMaker names captures and streams by "
        "the minute and the host, below the endpoint's own prefix; alarms are looked up by the endpoint's name.",
        on(
            f"{RUNS}/runs/*/model.tar.gz",
            f"{RUNS}/capture/*",
            f"arn:<AWS::Partition>:logs:{OWN}:log-group:/aws/sagemaker/Endpoints/{{name}}-*",
            f"arn:<AWS::Partition>:cloudwatch:{OWN}:alarm:{{name}}-*",
        ),
        policy("Deployment/Serving/Role"),
    ),
)
