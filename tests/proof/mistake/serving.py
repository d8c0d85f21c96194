# SPDX-License-Identifier: MIT-0
"""Mistakes in the endpoints, the functions, the build and the SageMaker pipeline's definition."""

from typing import Final

from tests.proof.mutation import GONE, Mistake, prop, word

_MODEL: Final = "EndpointsProduction SageMaker::Model"
_CONFIGURATION: Final = "EndpointsProduction SageMaker::EndpointConfig"
_ENDPOINT: Final = "EndpointsProduction SageMaker::Endpoint"
_TARGET: Final = "EndpointsProduction ApplicationAutoScaling::ScalableTarget"
_ALARM: Final = "EndpointsProduction CloudWatch::Alarm WatchLatency"
_GUARD: Final = "EndpointsProduction CloudWatch::Alarm GuardLatency"
_PIPELINE: Final = "Training SageMaker::Pipeline"
_SMOKE: Final = "Deployment Lambda::Function Smoke"
_LOG: Final = "Deployment Logs::LogGroup SmokeLog"
_BUILD: Final = "Retraining CodeBuild::Project"
_POLICY: Final = "DeploymentConfig/BlueGreenUpdatePolicy"
_CANARY: Final = f"{_POLICY}/TrafficRoutingConfiguration"
MISTAKES: Final = (
    Mistake("canary too large", "protection", "60 %", prop(_ENDPOINT, f"{_CANARY}/CanarySize/Value", 60)),
    Mistake(
        "canary of one",
        "protection",
        "cannot be split",
        prop(_CONFIGURATION, "ProductionVariants/0/InitialInstanceCount", 1),
    ),
    Mistake(
        "canary watched for two hours",
        "request",
        "is not from",
        prop(_ENDPOINT, f"{_CANARY}/WaitIntervalInSeconds", 7200),
    ),
    Mistake("misspelt routing", "request", "none of the service's", prop(_ENDPOINT, f"{_CANARY}/Type", "CANARIES")),
    Mistake(
        "rollout that ends too early",
        "request",
        "600",
        prop(_ENDPOINT, f"{_POLICY}/MaximumExecutionTimeoutInSeconds", 60),
    ),
    Mistake(
        "no rollback",
        "protection",
        "no alarm rolls",
        prop(_ENDPOINT, "DeploymentConfig/AutoRollbackConfiguration", GONE),
    ),
    Mistake(
        "rollback by another's alarm",
        "protection",
        "does not exist",
        prop(_ENDPOINT, "DeploymentConfig/AutoRollbackConfiguration/Alarms/0/AlarmName", "latency"),
    ),
    Mistake(
        "guard of both fleets", "protection", "the old fleet too", prop(_GUARD, "Dimensions/0/Name", "Configuration")
    ),
    Mistake("guard of another endpoint", "protection", "another endpoint", prop(_GUARD, "Dimensions/1/Value", "other")),
    Mistake(
        "guard that outlives a configuration",
        "protection",
        "keeps the state",
        prop(_GUARD, "AlarmName", "skin-lesion-production-Guard"),
    ),
    Mistake("volumes in plain text", "protection", "not encrypted", prop(_CONFIGURATION, "KmsKeyId", GONE)),
    Mistake(
        "capture in plain text",
        "protection",
        "captured requests",
        prop(_CONFIGURATION, "DataCaptureConfig/KmsKeyId", GONE),
    ),
    Mistake(
        "capture above 100 %",
        "request",
        "is not from",
        prop(_CONFIGURATION, "DataCaptureConfig/InitialSamplingPercentage", 101),
    ),
    Mistake(
        "misspelt instance type",
        "request",
        "none of the service's",
        prop(_CONFIGURATION, "ProductionVariants/0/InstanceType", "ml.c5.lrage"),
    ),
    Mistake("model with a network", "protection", "has a network", prop(_MODEL, "EnableNetworkIsolation", value=False)),
    Mistake("model with a name", "protection", "it has a name", prop(_MODEL, "ModelName", "skin-lesion")),
    Mistake(
        "model without a role", "lint", "ExecutionRoleArn", prop(_MODEL, "ExecutionRoleARN", {"Ref": "ModelRoleArn"})
    ),
    Mistake("scaling the wrong way", "protection", "it scales from", prop(_TARGET, "MaxCapacity", 1)),
    Mistake(
        "misspelt dimension",
        "request",
        "none of the service's",
        prop(_TARGET, "ScalableDimension", "sagemaker:variant:InstanceCount"),
    ),
    Mistake(
        "misspelt comparison", "request", "none of the service's", prop(_ALARM, "ComparisonOperator", "GreaterThan")
    ),
    Mistake("alarm that is off", "protection", "actions are off", prop(_ALARM, "ActionsEnabled", value=False)),
    Mistake("alarm that does not say", "protection", "missing data", prop(_ALARM, "TreatMissingData", GONE)),
    Mistake("misspelt runtime", "request", "none of the service's", prop(_SMOKE, "Runtime", "python3.41")),
    Mistake("function that runs an hour", "lint", "900", prop(_SMOKE, "Timeout", 3600)),
    Mistake("too little memory", "request", "MemorySize", prop(_SMOKE, "MemorySize", 64)),
    Mistake("memory in words", "request", "Invalid type", prop(_SMOKE, "MemorySize", "256 MB")),
    Mistake("function without a log group", "protection", "log group of nobody", prop(_SMOKE, "LoggingConfig", GONE)),
    Mistake("function without a role", "request", "Role", prop(_SMOKE, "Role", GONE)),
    Mistake("log in plain text", "protection", "customer's key", prop(_LOG, "KmsKeyId", GONE)),
    Mistake("log for ever", "protection", "for ever", prop(_LOG, "RetentionInDays", GONE)),
    Mistake("retention that is none", "lint", "100", prop(_LOG, "RetentionInDays", 100)),
    Mistake(
        "misspelt build size",
        "request",
        "none of the service's",
        prop(_BUILD, "Environment/ComputeType", "BUILD_GENERAL1_MIDDLE"),
    ),
    Mistake("build under AWS's key", "protection", "AWS's key", prop(_BUILD, "EncryptionKey", "alias/aws/s3")),
    Mistake(
        "secret in plain text",
        "protection",
        "plain text",
        prop(_BUILD, "Environment/EnvironmentVariables/0/Name", "GITHUB_TOKEN"),
    ),
    Mistake(
        "queue in plain text",
        "protection",
        "not encrypted",
        prop("Retraining SQS::Queue", "SqsManagedSseEnabled", GONE),
    ),
    Mistake(
        "budget that tells nobody",
        "protection",
        "nobody is told",
        prop("Monitoring Budgets::Budget", "NotificationsWithSubscribers", GONE),
    ),
    Mistake("pipeline's name", "request", "does not match", prop(_PIPELINE, "PipelineName", "skin lesion")),
    Mistake("pipeline without a role", "request", "RoleArn", prop(_PIPELINE, "RoleArn", GONE)),
    Mistake(
        "body that is no JSON",
        "definition",
        "is no JSON",
        word(_PIPELINE, '"Version": "2020-12-01",', '"Version": "2020-12-01"'),
    ),
    Mistake(
        "body that ends early",
        "definition",
        "is no JSON",
        word(_PIPELINE, '"Version": "2020-12-01",', '"Version": "2020-12-01"}'),
    ),
    Mistake("step that is not", "definition", "unknown step", word(_PIPELINE, "Steps.Preprocess.", "Steps.Prepare.")),
    Mistake(
        "unknown instance of a job",
        "definition",
        "none of the service's",
        word(_PIPELINE, "ml.c5.2xlarge", "ml.c5.2xlrage"),
    ),
    Mistake(
        "gate that compares otherwise",
        "definition",
        "unknown condition type",
        word(_PIPELINE, '"Type": "Equals"', '"Type": "Equal"'),
    ),
    Mistake(
        "job without isolation of its name",
        "definition",
        "Unknown parameter",
        word(_PIPELINE, '"EnableNetworkIsolation"', '"NetworkIsolation"'),
    ),
)
