# SPDX-License-Identifier: MIT-0
"""Every `*` in a policy of a role: at which role, exactly which, and why nothing narrower would do."""

from typing import Final

from stacks.acknowledgment import Acknowledged

_OWN: Final = "<AWS::Region>:<AWS::AccountId>"
_SAGEMAKER: Final = f"arn:<AWS::Partition>:sagemaker:{_OWN}"
_RAW: Final = "{name}-storage:ExportsOutputFnGetAttRaw72517081Arn8AABA17C"
_RUNS: Final = "{name}-storage:ExportsOutputFnGetAttRunsE45A2291Arn9AFA3150"
_ARTIFACTS: Final = "{name}-storage:ExportsOutputFnGetAttArtifacts82DD59A1Arn3B515032"

_ALARM: Final = f"arn:<AWS::Partition>:cloudwatch:{_OWN}:alarm"
_KINDS: Final = ("Processing", "Training", "Transform")
_CREATED: Final = ("model", "processing-job", "training-job", "transform-job")
_STAGES: Final = ("staging", "production")


def _on(*resources: str) -> tuple[str, ...]:
    return tuple(f"AwsSolutions-IAM5[Resource::{each}]" for each in resources)


def _policy(*roles: str) -> tuple[str, ...]:
    return tuple(f"{role}/DefaultPolicy/Resource" for role in roles)


def _deployer(stage: str) -> tuple[str, ...]:
    """Return the wildcards of the role that deploys the endpoint of `stage`."""
    alarms = (f"{_ALARM}:{{name}}-{stage}-*", f"{_ALARM}:TargetTracking-endpoint/{{name}}-{stage}/*")
    return (*_made(stage), *_on(*alarms))


def _made(stage: str) -> tuple[str, ...]:
    """Return the names that CloudFormation gives to the model and the configuration of `stage`."""
    return tuple(
        finding
        for kind, id_ in (
            ("endpoint-config", f"{{compact}}{stage}configuration"),
            ("model", f"{{compact}}{stage}model"),
        )
        for finding in _on(f"{_SAGEMAKER}:{kind}/{id_}-*", f"{_SAGEMAKER}:{kind}/{{name}}-{stage}-{id_}-*")
    )


# Actions that know no resource (Service Authorization Reference); tests/proof/review.py names each of them.
_NO_RESOURCE: Final = _on("*")
WILDCARDS: Final = (
    Acknowledged(
        "Keys that are not known beforehand: an archive's is its hash, a run's begins with its execution id. The "
        "prefix is the narrowest that holds them, and the bucket is named.",
        _on(f"{_RAW}/archives/*", f"{_RUNS}/runs/*", f"{_RUNS}/checkpoints/*"),
        _policy("Training/JobRole"),
    ),
    Acknowledged(
        "The pipeline reads the reports of its own runs, whose keys begin with an execution id, for its conditions.",
        _on(f"{_RUNS}/runs/*"),
        _policy("Training/PipelineRole"),
    ),
    Acknowledged(
        "SageMaker makes a log stream for each host of a job in the group of its kind; the groups are named, and the "
        "star stands for the streams.",
        _on(*(f"arn:<AWS::Partition>:logs:{_OWN}:log-group:/aws/sagemaker/{each}Jobs*" for each in _KINDS)),
        _policy("Training/JobRole"),
    ),
    Acknowledged(
        "GetAuthorizationToken and PutMetricData know no resource. A token opens no repository that the role may not "
        "pull from, and the metrics are limited to SageMaker's namespaces by a condition.",
        _NO_RESOURCE,
        _policy("Training/JobRole", "Deployment/Serving/Role"),
    ),
    Acknowledged(
        "PutMetricData knows no resource; a condition limits it to this application's namespace. SageMaker names "
        "captures by the minute, below the prefix of the stage.",
        (*_NO_RESOURCE, *_on(f"{_RUNS}/capture/*")),
        _policy("Monitoring/Tally/FunctionRole"),
    ),
    Acknowledged(
        "Pipelines itself names what it creates, and begins each name with pipelines-; nobody else's job begins so.",
        _on(*(f"{_SAGEMAKER}:{kind}/pipelines-*" for kind in _CREATED)),
        _policy("Training/PipelineRole"),
    ),
    Acknowledged(
        "The number of a version is given by the registry when it is registered; the group is named.",
        _on(f"{_SAGEMAKER}:model-package/{{name}}/*"),
        _policy(
            "Training/PipelineRole",
            "Deployment/Approval/ReleaseFunctionRole",
            "Deployment/SmokeRole",
            "Deployment/StagingDeployer",
            "Deployment/ProductionDeployer",
        ),
    ),
    Acknowledged(
        "CodePipeline chooses the keys of artifacts and begins them with the first twenty letters of the pipeline's "
        "name; other pipelines' artifacts begin differently.",
        _on(f"{_ARTIFACTS}/{{name}}-source*"),
        _policy("Retraining/Push/Role", "Retraining/Push/BuildRole"),
    ),
    Acknowledged(
        "CodePipeline chooses the keys of artifacts and begins them with the first twenty letters of the pipeline's "
        "name; other pipelines' artifacts begin differently.",
        _on(f"{_ARTIFACTS}/{{name}}-delivery*"),
        _policy("Deployment/Delivery/Role"),
    ),
    Acknowledged(
        "An execution's id is given when it starts; the state machine is named, and the role may only look.",
        _on(f"arn:<AWS::Partition>:states:{_OWN}:execution:<StarterMachine2B0BC0C0.Name>:*"),
        _policy("Retraining/Push/Role"),
    ),
    Acknowledged(
        "An execution's id is given when it starts; the pipeline is named, and the role may only look.",
        _on(f"{_SAGEMAKER}:pipeline/{{name}}/execution/*"),
        _policy("Retraining/Starter/Machine/Role"),
    ),
    Acknowledged(
        "The star is the version or alias of the one named function; it is published by this stack alone.",
        _on("<StarterStart2EB56BA2.Arn>:*"),
        _policy("Retraining/Starter/Machine/Role"),
    ),
    Acknowledged(
        "Log delivery and X-Ray of a state machine know no resource (Step Functions Developer Guide, Logging).",
        _NO_RESOURCE,
        _policy("Retraining/Starter/Machine/Role"),
    ),
    Acknowledged(
        "CloudFormation adds a random id to a stack's ARN; its name is given.",
        _on(*(f"arn:<AWS::Partition>:cloudformation:{_OWN}:stack/{{name}}-{each}/*" for each in _STAGES)),
        _policy("Deployment/Delivery/Role"),
    ),
    Acknowledged(
        "ListFunctions knows no resource. CodePipeline's documented policy of a Lambda action asks for it.",
        _NO_RESOURCE,
        _policy("Deployment/Delivery/Role"),
    ),
    Acknowledged(
        "The results of a CodePipeline job know no resource; only the function that was given a job knows its id.",
        _NO_RESOURCE,
        _policy("Deployment/SmokeRole", "Deployment/PromoteRole"),
    ),
    Acknowledged(
        "Model and configuration are unnamed, so that a new version replaces them: CloudFormation adds random letters "
        "to a logical id that begins with this application's name. So do the alarms of target tracking.",
        _deployer("staging"),
        _policy("Deployment/StagingDeployer"),
    ),
    Acknowledged(
        "Model and configuration are unnamed, so that a new version replaces them: CloudFormation adds random letters "
        "to a logical id that begins with this application's name. So do the alarms of target tracking.",
        _deployer("production"),
        _policy("Deployment/ProductionDeployer"),
    ),
    Acknowledged(
        "Before Application Auto Scaling takes a scaling target, it makes, deletes and reads an alarm in the caller's "
        "name without naming one, and refuses the target if that is denied.",
        _on(f"{_ALARM}:*"),
        _policy("Deployment/ProductionDeployer"),
    ),
    Acknowledged(
        "What is live is looked up by the names that CloudFormation gave; the role may only look.",
        _made("production"),
        _policy("Deployment/PromoteRole"),
    ),
    Acknowledged(
        "A scalable target's ARN is a random id that no template knows; a condition limits the actions to targets of "
        "SageMaker. The Describe actions of Application Auto Scaling know no resource.",
        (*_on(f"arn:<AWS::Partition>:application-autoscaling:{_OWN}:scalable-target/*"), *_NO_RESOURCE),
        _policy("Deployment/StagingDeployer", "Deployment/ProductionDeployer"),
    ),
    Acknowledged(
        "Which run made a model, and which images its evaluation took, is known only when the package is delivered; "
        "the file's name is given, and the role may only read.",
        _on(f"{_RUNS}/runs/*/holdout/*.jpg", f"{_RUNS}/runs/*/predictions.csv"),
        _policy("Deployment/SmokeRole"),
    ),
    Acknowledged(
        "Which run made a model is known only when its package is delivered; SageMaker names captures and streams by "
        "the minute and the host, below the endpoint's own prefix; alarms are looked up by the endpoint's name.",
        _on(
            f"{_RUNS}/runs/*/model.tar.gz",
            f"{_RUNS}/capture/*",
            f"arn:<AWS::Partition>:logs:{_OWN}:log-group:/aws/sagemaker/Endpoints/{{name}}-*",
            f"arn:<AWS::Partition>:cloudwatch:{_OWN}:alarm:{{name}}-*",
        ),
        _policy("Deployment/Serving/Role"),
    ),
)
