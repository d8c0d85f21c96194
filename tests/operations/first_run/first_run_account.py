# SPDX-License-Identifier: MIT-0
"""An account with a first run in it: plain records, answered through boto3's clients, whose answers botocore checks."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from operations.account.deployment_account import Account
from pipeline_src import contract
from pipeline_src.algorithms.algorithm_table import DEFAULT_ALGORITHM, find_algorithm
from tests.operations.cloud import Cloud, RefusedError
from tests.operations.state import ACCOUNT, MONDAY, NAME, OUTPUTS, REGION, Asked, Handler, arn

NOW: Final = MONDAY + timedelta(hours=3)
EXECUTION: Final = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/{NAME}/execution/abc"
PACKAGE: Final = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/{NAME}/1"
ARCHIVE: Final = f"archives/{'a' * 64}.zip"
ALGORITHM: Final = find_algorithm(DEFAULT_ALGORITHM)
TUNED: Final = f"tuned_{ALGORITHM.tuning_ranges[0].name}"
FAR: Final = {"StagingAccount": ACCOUNT, "StagingRegion": "eu-west-1"}
DOCKER: Final = "application/vnd.docker.distribution.manifest.v2+json"
_KINDS: Final = {
    contract.PREPROCESS_STEP: ("ProcessingJob", "processing-job"),
    contract.TRAIN_STEP: ("TrainingJob", "training-job"),
    contract.MODEL_STEP: ("Model", "model"),
    contract.SCORE_STEP: ("TransformJob", "transform-job"),
    contract.EVALUATE_STEP: ("ProcessingJob", "processing-job"),
}
# Reasons of other steps come before there is a job.
_OF_A_JOB: Final = ("AlgorithmError", "ClientError", "InternalServerError")


def resource(kind: str, name: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name}"


@dataclass
class Records:
    """All that the services know; `outputs` are those of the stacks."""

    archives: list[str] = field(default_factory=list)
    starters: list[dict[str, Any]] = field(default_factory=list)
    executions: list[dict[str, Any]] = field(default_factory=list)
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    package: dict[str, Any] = field(default_factory=dict)
    deliveries: dict[str, str] = field(default_factory=dict)
    triggers: dict[str, str] = field(default_factory=dict)
    actions: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    endpoints: dict[str, dict[str, Any]] = field(default_factory=dict)
    served: str = PACKAGE
    metrics: set[tuple[str, str]] = field(default_factory=set)
    alarms: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    named_jobs: list[dict[str, Any]] = field(default_factory=list)
    captures: list[dict[str, Any]] = field(default_factory=list)
    trail: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    outputs: dict[str, dict[str, str]] = field(default_factory=lambda: {part: dict(OUTPUTS[part]) for part in OUTPUTS})
    denied: str = ""
    account: str = ACCOUNT

    def pass_time(self) -> None:
        """Nothing happens by itself."""

    def step(self, name: str, status: str = "Succeeded", reason: str = "", **metadata: Any) -> None:
        """Have a step stand at `status`, with a job where its kind has one."""
        kind, resource_kind = _KINDS.get(name, ("", ""))
        made = {kind: {"Arn": resource(resource_kind, f"pipelines-abc-{name}-x")}} if kind else {}
        self.steps[name] = {"StepName": name, "StepStatus": status, "StartTime": MONDAY, "Metadata": made | metadata}
        if reason:
            self.steps[name]["FailureReason"] = reason

    def fail(self, name: str, reason: str) -> None:
        """Have a step fail, and the execution with it; the steps after it have not begun."""
        for later in contract.STEPS[contract.STEPS.index(name) :]:
            self.steps.pop(later, None)
        self.package = {}
        self.deliveries, self.actions = {}, {}
        self.executions[0]["PipelineExecutionStatus"] = "Failed"
        self.step(name, "Failed", reason)
        if not reason.startswith(_OF_A_JOB):
            self.steps[name]["Metadata"] = {}

    def act(self, stage: str, name: str, status: str = "Succeeded", error: str = "") -> None:
        """Have an action of the delivery stand at `status`."""
        result = {"executionResult": {"errorDetails": {"code": "JobFailed", "message": error}}} if error else {}
        named = {"stageName": stage, "actionName": name, "pipelineExecutionId": "d-1", "actionExecutionId": name}
        self.actions[stage, name] = named | {"status": status, "output": result}

    def event(self, kind: str, reason: str) -> None:
        """Have a stack's resource fail."""
        named = {"StackId": arn("s"), "StackName": "s", "EventId": "1", "Timestamp": MONDAY, "LogicalResourceId": "R"}
        self.events.append(
            {**named, "ResourceType": kind, "ResourceStatus": "UPDATE_FAILED"} | {"ResourceStatusReason": reason}
        )

    def named_job(self, name: str, status: str = "Completed", reason: str = "") -> None:
        """Have a processing job that no pipeline made."""
        found = {
            "ProcessingJobName": name,
            "ProcessingJobArn": resource("processing-job", name),
            "CreationTime": MONDAY,
        }
        self.named_jobs.append(found | {"ProcessingJobStatus": status} | ({"FailureReason": reason} if reason else {}))


def fresh() -> Records:
    """Return a deployment in which nothing has run; its archive is uploaded."""
    return Records(archives=[ARCHIVE])


def healthy() -> Records:
    """Return a deployment whose first model went all the way to production."""
    records = fresh()
    named = {"PipelineExecutionDisplayName": "0123456789abcdef-1-data", "StartTime": MONDAY}
    records.executions.append({"PipelineExecutionArn": EXECUTION, "PipelineExecutionStatus": "Succeeded"} | named)
    for name in contract.STEPS[:-2]:
        records.step(name)
    records.step(contract.GATE_STEP, Condition={"Outcome": "True"})
    records.step(contract.REGISTER_STEP, RegisterModel={"Arn": PACKAGE})
    records.jobs = {
        contract.PREPROCESS_STEP: _preprocess(),
        contract.TRAIN_STEP: _training(),
        contract.SCORE_STEP: _transform(),
        contract.EVALUATE_STEP: _preprocess(),
    }
    records.package = _package()
    records.deliveries = {"d-1": "Succeeded"}
    for stage, action in (("Staging", "Deploy"), ("Staging", "SmokeTest"), ("Production", "Deploy")):
        records.act(stage, action)
    for stage in ("staging", "production"):
        records.endpoints[f"{NAME}-{stage}"] = {}
    records.metrics = {("EndpointName", f"{NAME}-staging"), ("EndpointConfigName", "config")}
    return records


def _preprocess() -> dict[str, Any]:
    s3 = {"S3Uri": f"s3://raw/{ARCHIVE}", "S3DataType": "S3Prefix"}
    return {
        "ProcessingJobName": "job",
        "ProcessingJobArn": resource("processing-job", "job"),
        "ProcessingJobStatus": "Completed",
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}
        },
        "AppSpecification": {"ImageUri": "image"},
        "CreationTime": MONDAY,
        "ProcessingInputs": [{"InputName": "archive", "S3Input": s3}],
    }


def _training() -> dict[str, Any]:
    return {
        "TrainingJobName": "job",
        "TrainingJobArn": resource("training-job", "job"),
        "ModelArtifacts": {"S3ModelArtifacts": "s3://runs/m"},
        "TrainingJobStatus": "Completed",
        "SecondaryStatus": "Completed",
        "StoppingCondition": {},
        "CreationTime": MONDAY,
        "HyperParameters": {"num_training_samples": "8012", "use_pretrained_model": "1"},
        "FinalMetricDataList": [{"MetricName": ALGORITHM.tuning_objective, "Value": 0.75, "Timestamp": MONDAY}],
    }


def _transform() -> dict[str, Any]:
    return {
        "TransformJobName": "job",
        "TransformJobArn": resource("transform-job", "job"),
        "TransformJobStatus": "Completed",
        "ModelName": "model",
        "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://runs/h/"}}},
        "TransformResources": {"InstanceType": "ml.c5.xlarge", "InstanceCount": 1},
        "CreationTime": MONDAY,
    }


def tuning(records: Records, *, objective: float = 0.75) -> None:
    """Have Train be a tuning."""
    name = "abc-Train-x"
    job_arn = resource("hyper-parameter-tuning-job", name)
    records.step(contract.TRAIN_STEP)
    records.steps[contract.TRAIN_STEP]["Metadata"] = {"TuningJob": {"Arn": job_arn}}
    best = {
        "TrainingJobName": "best",
        "TrainingJobArn": resource("training-job", "best"),
        "CreationTime": MONDAY,
        "TrainingJobStatus": "Completed",
        "TunedHyperParameters": {ALGORITHM.tuning_ranges[0].name: "0.01"},
        "FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": ALGORITHM.tuning_objective, "Value": objective},
    }
    limits = {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 1}
    records.jobs["tuning"] = {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobArn": job_arn,
        "HyperParameterTuningJobConfig": {"Strategy": "Random", "ResourceLimits": limits},
        "HyperParameterTuningJobStatus": "Completed",
        "CreationTime": MONDAY,
        "TrainingJobStatusCounters": {},
        "ObjectiveStatusCounters": {},
        "BestTrainingJob": best,
    }
    if records.package:
        records.package["CustomerMetadataProperties"][TUNED] = "0.01"


def _package() -> dict[str, Any]:
    return {
        "ModelPackageName": NAME,
        "ModelPackageArn": PACKAGE,
        "ModelApprovalStatus": "Approved",
        "CreationTime": MONDAY,
        "LastModifiedTime": MONDAY,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "CustomerMetadataProperties": {contract.METADATA_DATASET: "a" * 64},
        "ModelCard": {"ModelCardContent": '{"model_overview": {}}', "ModelCardStatus": "PendingReview"},
    }


def account(records: Records) -> Account:
    """Return the deployment as a command sees it; every region has the same records."""
    cloud = Cloud(services, records)  # type: ignore[arg-type]
    return Account(
        NAME, cloud.client, lambda _seconds: records.pass_time(), connect=lambda _profile, _region: cloud.client
    )


def services(records: Any) -> dict[str, Handler]:
    """Return what the services answer."""
    handlers = _stacks(records) | _sagemaker(records) | _delivery(records) | _watching(records)

    def guarded(operation: str, handler: Handler) -> Handler:
        def answer(asked: Asked) -> Any:
            if records.denied and records.denied in operation:
                raise RefusedError("AccessDeniedException", f"not authorized to perform: {operation}")
            return handler(asked)

        return answer

    return {operation: guarded(operation, handler) for operation, handler in handlers.items()}


def _stacks(records: Records) -> dict[str, Handler]:
    def describe(asked: Asked) -> Any:
        part = asked["StackName"].removeprefix(f"{NAME}-")
        if part not in records.outputs:
            raise RefusedError("ValidationError", f"Stack with id {asked['StackName']} does not exist")
        shown = [{"OutputKey": key, "OutputValue": value} for key, value in records.outputs[part].items()]
        known = {"StackName": asked["StackName"], "StackId": arn(asked["StackName"]), "CreationTime": MONDAY}
        return {"Stacks": [{**known, "StackStatus": "UPDATE_COMPLETE", "Outputs": shown}]}

    def objects(asked: Asked) -> Any:
        if asked["Prefix"] == contract.CAPTURE_PREFIX:
            return {"Contents": records.captures}
        return {"Contents": [{"Key": key, "LastModified": MONDAY} for key in records.archives]}

    return {
        "cloudformation DescribeStacks": describe,
        "cloudformation DescribeStackEvents": lambda _: {"StackEvents": records.events},
        "s3 ListObjectsV2": objects,
        "sts GetCallerIdentity": lambda _: {"Account": ACCOUNT},
    }


def _sagemaker(records: Records) -> dict[str, Handler]:
    def job(asked: Asked) -> Any:
        name = next(iter(asked.values()))
        return records.jobs[name.split("-")[2] if name.startswith("pipelines-") else contract.TRAIN_STEP]

    def endpoint(asked: Asked) -> Any:
        name = asked["EndpointName"]
        times = {"CreationTime": MONDAY, "LastModifiedTime": MONDAY}
        named = {"EndpointName": name, "EndpointArn": resource("endpoint", name), "EndpointConfigName": "config"}
        return {**named, **times, "EndpointStatus": "InService"} | records.endpoints[name]

    config = {"EndpointConfigName": "config", "EndpointConfigArn": resource("endpoint-config", "config")}
    variants = {"ProductionVariants": [{"VariantName": "All", "ModelName": "model"}], "CreationTime": MONDAY}
    container = {"ModelPackageName": records.served} if records.served else {"Image": "image"}
    model = {"ModelName": "model", "ModelArn": resource("model", "model"), "CreationTime": MONDAY}
    return {
        "sagemaker ListPipelineExecutions": lambda _: {"PipelineExecutionSummaries": records.executions},
        "sagemaker ListPipelineExecutionSteps": lambda _: {"PipelineExecutionSteps": list(records.steps.values())},
        "sagemaker DescribeProcessingJob": job,
        "sagemaker DescribeTrainingJob": job,
        "sagemaker DescribeTransformJob": job,
        "sagemaker DescribeHyperParameterTuningJob": lambda _: records.jobs["tuning"],
        "sagemaker DescribeModelPackage": lambda _: records.package,
        "sagemaker ListProcessingJobs": lambda _: {"ProcessingJobSummaries": records.named_jobs},
        "sagemaker DescribeEndpoint": endpoint,
        "sagemaker DescribeEndpointConfig": lambda _: config | variants,
        "sagemaker DescribeModel": lambda _: model | {"Containers": [container]},
    }


def _delivery(records: Records) -> dict[str, Handler]:
    def start(asked: Asked) -> Any:
        name = asked["stateMachineArn"].replace("stateMachine", "execution") + f":{asked['name']}"
        if all(each["executionArn"] != name for each in records.starters):
            records.starters.append({"executionArn": name, "status": "RUNNING"})
        return {"executionArn": name, "startDate": MONDAY}

    def starter(found: dict[str, Any]) -> dict[str, Any]:
        return found | {"stateMachineArn": "arn", "startDate": MONDAY}

    listed = [
        {
            "pipelineExecutionId": key,
            "status": status,
            "trigger": {"triggerDetail": records.triggers.get(key, "Release")},
        }
        for key, status in records.deliveries.items()
    ]
    variables = [{"name": "ModelPackageArn", "resolvedValue": PACKAGE}]
    return {
        "stepfunctions ListExecutions": lambda _: {
            "executions": [
                {"name": "1"} | {key: found[key] for key in ("executionArn", "status")} | starter({})
                for found in records.starters
            ]
        },
        "stepfunctions DescribeExecution": lambda _: starter(records.starters[0]),
        "stepfunctions StartExecution": start,
        "codepipeline ListPipelineExecutions": lambda _: {"pipelineExecutionSummaries": listed},
        "codepipeline GetPipelineExecution": lambda _: {"pipelineExecution": {"variables": variables}},
        "codepipeline ListActionExecutions": lambda _: {"actionExecutionDetails": list(records.actions.values())[::-1]},
    }


def _watching(records: Records) -> dict[str, Handler]:
    def metrics(asked: Asked) -> Any:
        wanted = asked.get("Dimensions", [{"Name": "", "Value": asked.get("MetricName", "")}])[0]
        found = (wanted["Name"], wanted["Value"]) in records.metrics
        return {"Metrics": [{"Namespace": asked["Namespace"], "MetricName": "Invocations"}] if found else []}

    def alarms(asked: Asked) -> Any:
        ringing = [name for name in asked["AlarmNames"] if name in records.alarms]
        return {
            "MetricAlarms": [{"AlarmName": name, "StateValue": "ALARM", "StateReason": "1 > 0"} for name in ringing]
        }

    common = {"ServiceNamespace": "sagemaker", "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}
    bounds = {"MinCapacity": 1, "MaxCapacity": 2, "RoleARN": "arn", "CreationTime": MONDAY}
    return {
        "cloudwatch ListMetrics": metrics,
        "cloudwatch DescribeAlarms": alarms,
        "application-autoscaling DescribeScalableTargets": lambda _: {
            "ScalableTargets": [{"ResourceId": name, **common, **bounds} for name in records.targets]
        },
        "ecr DescribeImages": lambda _: {"imageDetails": [{"imageManifestMediaType": DOCKER}]},
        "cloudtrail LookupEvents": lambda _: {
            "Events": [{"CloudTrailEvent": json.dumps(event)} for event in records.trail]
        },
    }
