# SPDX-License-Identifier: MIT-0
"""Whether roles can do what they are for: a role that may too little shows only when it runs, hours after a deployment.

For each function, what its handler asks the services for (operations/handler.py); for the SageMaker pipeline, that its
jobs can read the objects which its definition names by itself.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from tests.pipeline_src.definition import walk
from tests.proof.grant import Need, missing
from tests.proof.intrinsic import Documents, Resource, resources
from tests.proof.sample import ACCOUNT, REGION

_PREDICTIONS: Final = "runs/0a1b/evaluate/evaluation/predictions.csv"
_BASELINE: Final = tuple(f"runs/0a1b/evaluate/evaluation/monitor_{each}.json" for each in ("statistics", "constraints"))
_PACKAGE: Final = ("sagemaker:DescribeModelPackage", "sagemaker model-package/{name}/7")
_CHAMPION: Final = "ssm parameter/{name}/champion"
_ENDPOINTS: Final = tuple(f"sagemaker endpoint/{{name}}-{stage}" for stage in ("staging", "production"))
_RESULTS: Final = tuple((f"codepipeline:PutJob{end}Result", "*") for end in ("Success", "Failure"))
_OF_PIPELINE: Final = ("DescribePipeline", "ListPipelineExecutions", "StartPipelineExecution")
_OF_DELIVERY: Final = ("GetPipelineExecution", "ListPipelineExecutions", "StartPipelineExecution")
# Handler -> action, resource (service and rest of an ARN, or construct and key of an object), prefix that is listed.
NEEDS: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "retrain": (
        *((f"sagemaker:{verb}", "sagemaker pipeline/{name}") for verb in _OF_PIPELINE),
        ("s3:ListBucket", "Raw", "archives/"),
        ("ssm:GetParameter", _CHAMPION),
        _PACKAGE,
        ("s3:ListBucket", "Runs", _PREDICTIONS),
    ),
    "release": (
        _PACKAGE,
        *((f"codepipeline:{verb}", "codepipeline {name}-delivery") for verb in _OF_DELIVERY),
        ("ssm:GetParameter", _CHAMPION),
    ),
    "rejected": (
        ("ssm:GetParameter", _CHAMPION),
        ("sns:Publish", "Topic"),
        ("kms:Decrypt", "Key"),
        ("kms:GenerateDataKey", "Key"),
    ),
    "smoke": (
        _PACKAGE,
        *(("sagemaker:InvokeEndpoint", endpoint) for endpoint in _ENDPOINTS),
        ("s3:GetObject", f"Runs/{_PREDICTIONS}"),
        ("s3:GetObject", "Runs/runs/0a1b/preprocess/holdout/ISIC_1.jpg"),
        ("kms:Decrypt", "Key"),
        *_RESULTS,
    ),
    "monitor": (
        ("ssm:GetParameter", _CHAMPION),
        _PACKAGE,
        *(
            (f"sagemaker:{verb}", "sagemaker processing-job/{name}-monitor-20261124")
            for verb in ("AddTags", "CreateProcessingJob", "DescribeProcessingJob")
        ),
        ("s3:ListBucket", "Runs", "capture/production/{name}-production/AllTraffic/2026/11/24/"),
        *(("s3:ListBucket", "Runs", baseline) for baseline in _BASELINE),
        ("s3:ListBucket", "Raw", "labels/"),
        ("iam:PassRole", "MonitorRole"),
    ),
    "judge": (
        ("s3:GetObject", "Runs/monitor/{name}-monitor-20261124/monitor.json"),
        ("kms:Decrypt", "Key"),
        ("kms:GenerateDataKey", "Key"),
        ("cloudwatch:PutMetricData", "*"),
        ("sns:Publish", "Topic"),
    ),
    "promote": (
        ("sagemaker:DescribeEndpoint", _ENDPOINTS[1]),
        *((f"ssm:{verb}Parameter", _CHAMPION) for verb in ("Get", "Put")),
        *_RESULTS,
    ),
    "tally": (
        ("s3:GetObject", "Runs/capture/production/1.jsonl"),
        ("kms:Decrypt", "Key"),
        ("cloudwatch:PutMetricData", "*"),
    ),
}
# What the monitor's job reads and writes as the role that operations.monitor hands it.
_CAPTURE: Final = "capture/production/skin-lesion-production/AllTraffic/2026/11/24/"
JOB: Final[tuple[tuple[str, ...], ...]] = (
    ("s3:GetObject", f"Runs/{_CAPTURE}09/1.jsonl"),
    ("s3:ListBucket", "Runs", _CAPTURE),
    *(("s3:GetObject", f"Runs/{baseline}") for baseline in _BASELINE),
    *(("s3:ListBucket", "Runs", baseline) for baseline in _BASELINE),
    ("s3:GetObject", "Raw/labels/0a.csv"),
    ("s3:ListBucket", "Raw", "labels/"),
    ("s3:PutObject", "Runs/monitor/{name}-monitor-20261124/monitor.html"),
    *((f"kms:{verb}", "Key") for verb in ("CreateGrant", "Decrypt", "GenerateDataKey")),
    ("ecr:GetAuthorizationToken", "*"),
)


def problems(documents: Documents) -> Iterator[str]:
    """Yield what roles in `documents` would need and are not allowed."""
    deployed = resources(documents)
    for resource in deployed:
        if resource.kind == "AWS::Lambda::Function" and resource.properties["Handler"].startswith("operations."):
            yield from (f"{resource.place}: {problem}" for problem in _function(resource, deployed, documents))
        if resource.kind == "AWS::IAM::Role" and resource.id.startswith("MonitorRole"):
            yield from (
                f"{resource.place}: {problem}" for problem in _missing("its job", resource, JOB, deployed, documents)
            )
        if resource.kind == "AWS::SageMaker::Pipeline":
            yield from (f"{resource.place}: {problem}" for problem in _pipeline(resource, documents))


def _function(function: Resource, deployed: list[Resource], documents: Documents) -> Iterator[str]:
    handler = function.properties["Handler"].rpartition(".")[2]
    if handler not in NEEDS:
        yield f"its handler {handler} is not in tests/proof/access.py"
        return
    role = next(each for each in deployed if each.arn == function.properties["Role"])
    yield from _missing(handler, role, NEEDS[handler], deployed, documents)


def _missing(
    who: str, role: Resource, wanted: tuple[tuple[str, ...], ...], deployed: list[Resource], documents: Documents
) -> Iterator[str]:
    (group,) = (each for each in deployed if each.kind == "AWS::SageMaker::ModelPackageGroup")
    name = group.properties["ModelPackageGroupName"]
    needs = [Need(action, _arn(on, name, deployed), *prefix) for action, on, *prefix in wanted]
    allowed = str(role.arn).rpartition("/")[2]
    yield from (f"{who} needs {need}, which its role is not allowed" for need in missing(documents, allowed, needs))


def _arn(on: str, name: str, deployed: list[Resource]) -> str:
    """Return the ARN that `on` stands for."""
    service, space, rest = on.partition(" ")
    if on == "*":
        return on
    if space:
        return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest.format(name=name)}"
    construct, slash, key = on.partition("/")
    kinds = ("AWS::S3::Bucket", "AWS::SNS::Topic", "AWS::KMS::Key", "AWS::IAM::Role")
    (found,) = (each for each in deployed if each.kind in kinds and each.id.startswith(construct))
    return f"{found.arn}{slash}{key.format(name=name)}"


def _pipeline(pipeline: Resource, documents: Documents) -> Iterator[str]:
    try:
        document = json.loads(pipeline.properties["PipelineDefinition"]["PipelineDefinitionBody"])
    except (ValueError, TypeError, KeyError):
        return  # It is for definition.py to say so.
    defaults = {each["Name"]: each["DefaultValue"] for each in document["Parameters"]}
    for step in walk.steps(document):
        for each in step["Arguments"].get("ProcessingInputs", []):
            uri = _uri(each["S3Input"]["S3Uri"], defaults)
            role = str(step["Arguments"]["RoleArn"]).rpartition("/")[2]
            needs = missing(documents, role, _reading(uri)) if uri else []
            yield from (f"{step['Name']}: input {each['InputName']}: its role is not allowed {need}" for need in needs)


def _uri(given: Any, defaults: dict[str, Any]) -> str:
    """Return the URI that an input names without asking another step; else empty."""
    reference = given.get("Get", "") if isinstance(given, dict) else ""
    return str(given) if isinstance(given, str) else str(defaults.get(reference.removeprefix("Parameters."), ""))


def _reading(uri: str) -> list[Need]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    arn = f"arn:aws:s3:::{bucket}"
    return [Need("s3:GetObject", f"{arn}/{key}"), Need("s3:ListBucket", arn, key)]
