# SPDX-License-Identifier: MIT-0
"""Checks that each role may do what AWS performs in its name: the rows of performed_operations.py for each step.

The steps are those of the synthesized definition, with sample names for what is known only while it runs, and models
that an endpoint's template makes. Each request is put to the policies of the role as AWS evaluates them, conditions
included.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tests.pipeline_src.definition import walk
from tests.proof.grant import Need, missing
from tests.proof.intrinsic import Documents, Resource, resources
from tests.proof.performed_operations import DEPLOYED_MODEL, OPERATIONS, Operation
from tests.proof.policy import Policy, policies
from tests.proof.simulation import Question, Request, allowed, welcoming

_GROUP: Final = "AWS::SageMaker::ModelPackageGroup"
_EXECUTION: Final = "0a1b2c3d4e5f"
_KINDS: Final = {
    "Processing": "ProcessingJob",
    "Training": "TrainingJob",
    "Tuning": "HyperParameterTuningJob",
    "Transform": "TransformJob",
    "Model": "Model",
}
# A tuning job's name is not documented to begin as those of the other jobs do.
_NAMES: Final = {
    "Processing": f"processing-job/pipelines-{_EXECUTION}-",
    "Training": f"training-job/pipelines-{_EXECUTION}-",
    "Tuning": f"hyper-parameter-tuning-job/{_EXECUTION}-",
    "Transform": f"transform-job/pipelines-{_EXECUTION}-",
    "Model": f"model/pipelines-{_EXECUTION}-",
}
_LOGS: Final = {"Processing": "ProcessingJobs", "Transform": "TransformJobs"}
# What an operation is on -> the arguments that name it.
_ARGUMENTS: Final = {
    "role": ("RoleArn", "ExecutionRoleArn"),
    "volume key": ("VolumeKmsKeyId",),
    "output key": ("KmsKeyId",),
    "any key": ("KmsKeyId", "VolumeKmsKeyId"),
}
_PART: Final = re.compile(r"\.?(?P<name>\w+)|\['?(?P<index>[^\]']+)'?\]")
_IMAGE: Final = re.compile(r"(\d+)\.dkr\.ecr\.([\w-]+)\.[\w.]+/([^:@]+)")


def problems(documents: Documents) -> Iterator[str]:
    """Yield what AWS would be denied in the name of a role."""
    deployed = resources(documents)
    asked = [each for resource in deployed for each in _asked(resource, deployed)]
    found = policies(documents)
    simulated = [each for each in asked if not _is_unlisted(each[1])]
    answers = allowed([_question(request, found) for _, request in simulated])
    denied = [each for each, fine in zip(simulated, answers, strict=True) if not fine]
    denied += [each for each in asked if _is_unlisted(each[1]) and _lacks(documents, each[1])]
    yield from dict.fromkeys(f"{place}: {request}: denied" for place, request in denied)


def _is_unlisted(request: Request) -> bool:
    """Return whether the IAM reference lists no such resource for the action, so that the library refuses to judge it.

    The guide to deploying a model version has it nevertheless.
    """
    return request.action == "sagemaker:CreateModel" and ":model-package/" in request.resource


def _lacks(documents: Documents, request: Request) -> bool:
    return bool(missing(documents, request.role.rpartition("/")[2], [Need(request.action, request.resource)]))


def _asked(resource: Resource, deployed: list[Resource]) -> Iterator[tuple[str, Request]]:
    if resource.kind == "AWS::SageMaker::Pipeline":
        yield from _of_pipeline(resource)
    if resource.kind == DEPLOYED_MODEL:
        yield from _of_deployed_model(resource, deployed)


def _of_pipeline(pipeline: Resource) -> Iterator[tuple[str, Request]]:
    try:
        document = json.loads(pipeline.properties["PipelineDefinition"]["PipelineDefinitionBody"])
    except (ValueError, TypeError, KeyError):
        return  # It is for definition.py to say so.
    definition = _Definition(document, pipeline)
    for step in walk.steps(document):
        place = f"{pipeline.place}: {step['Name']}"
        rows = [each for each in OPERATIONS if step["Type"] in each.steps.split()]
        if not rows:
            raise LookupError(f"{place}: type {step['Type']} is not in tests/proof/performed_operations.py")
        for row in rows:
            role = str(pipeline.properties["RoleArn"]) if row.role == "pipeline" else definition.job_role(step)
            yield from ((f"{place}: {row.role} role", each) for each in definition.requests(step, row, role))


def _of_deployed_model(model: Resource, deployed: list[Resource]) -> Iterator[tuple[str, Request]]:
    stage = "Production" if "production" in model.stack.lower() else "Staging"
    # What an endpoint's template does not say of where it is deployed, the place of its deployer does.
    group = next(each.properties["ModelPackageGroupName"] for each in deployed if each.kind == _GROUP)
    roles = [each for each in deployed if each.kind == "AWS::IAM::Role" and _deploys(each, stage)]
    for deployer in roles:
        prefix = f"arn:aws:sagemaker:{deployer.where.region}:{deployer.where.account}"
        container = model.properties.get("PrimaryContainer") or model.properties["Containers"][0]
        # Which version it is, a delivery says; it is of the deployment's own group.
        packages = [f"{prefix}:model-package/{group}/7"] if "ModelPackageName" in container else []
        passed = [str(each.arn) for each in deployed if _serves(each, deployer)]
        things = {"job": [f"{prefix}:model/{model.id}-0a1b"], "version": packages, "role": passed}
        for row in (each for each in OPERATIONS if each.steps == DEPLOYED_MODEL):
            for on in things[row.on]:
                for action in row.actions.split():
                    context = _context(action, "", {})
                    yield model.place, Request(str(deployer.arn), action, on, deployer.where.account, context)


def _deploys(role: Resource, stage: str) -> bool:
    return role.id.startswith(f"{stage}Deployer") or (role.stack == f"{stage}Site" and role.id.startswith("Deployer"))


def _serves(role: Resource, deployer: Resource) -> bool:
    return role.kind == "AWS::IAM::Role" and role.stack == deployer.stack and role.id.startswith("ServingRole")


def _question(request: Request, found: list[Policy]) -> Question:
    name = request.role.rpartition("/")[2]
    own = [
        each.document
        for each in found
        if each.kind == "identity" and each.account == request.caller and name in each.roles
    ]
    delegated = request.action.startswith("kms:") or request.account != request.caller
    return Question(request, own, welcoming(request) if delegated else None)


def _context(action: str, prefix: str, tags: Mapping[str, str]) -> dict[str, str]:
    """Return the condition keys that the service sends with `action`."""
    given = {
        "iam:PassRole": {"iam:PassedToService": "sagemaker.amazonaws.com"},
        "kms:CreateGrant": {"kms:GrantIsForAWSResource": "true"},
        "s3:ListBucket": {"s3:prefix": prefix},
        "cloudwatch:PutMetricData": {"cloudwatch:namespace": "/aws/sagemaker/TrainingJobs"},
    }
    return given.get(action, {}) | tags


class _Definition:
    """One pipeline's definition, with sample values for what is known only while it runs."""

    def __init__(self, document: dict[str, Any], pipeline: Resource) -> None:
        self._where = pipeline.where
        self._steps = {step["Name"]: step for step in walk.steps(document)}
        self._defaults = {each["Name"]: each["DefaultValue"] for each in document["Parameters"]}

    def job_role(self, step: dict[str, Any]) -> str:
        """Return the role that the step's job or model runs as: a transform job runs as its model's."""
        if step["Type"] == "Transform":
            return self.job_role(self._steps[_step_of(step["Arguments"]["ModelName"]["Get"])[0]])
        return next(iter(self._named(step, "RoleArn", "ExecutionRoleArn")), "")

    def requests(self, step: dict[str, Any], row: Operation, role: str) -> Iterator[Request]:
        """Yield the requests of `row` for `step`, in the name of `role`."""
        actions = row.actions.format(kind=_KINDS.get(step["Type"], "")).split()
        for on, prefix in self._things(step, row.on):
            account = on.split(":")[4] if on.startswith("arn:") else ""
            for action in actions:
                context = _context(action, prefix, self._tags(step, action, row))
                if row.on == "interface":
                    context["ec2:Subnet"] = next(e for e in self._network(step, "interface parts") if ":subnet/" in e)
                yield Request(role, action, on, account or self._where.account, context)

    def _tags(self, step: dict[str, Any], action: str, row: Operation) -> dict[str, str]:
        """Return the tags that come with a request for a tuning job, which is known by them alone."""
        if step["Type"] != "Tuning" or row.on != "job":
            return {}
        whose = "Request" if "Create" in action or action.endswith("AddTags") else "Resource"
        given = {f"aws:{whose}Tag/{each['Key']}": self._text(each["Value"]) for each in step["Arguments"]["Tags"]}
        # It comes with tags that are given in the request that creates the job, and with no other.
        creates = {"sagemaker:TaggingAction": f"Create{_KINDS['Tuning']}"} if action.endswith("AddTags") else {}
        return given | creates

    def _things(self, step: dict[str, Any], on: str) -> list[tuple[str, str]]:
        """Return the ARN of each thing that the step names, and the prefix where a bucket is listed."""
        if on.endswith(" prefix"):
            uris = self._uris(step, on.replace(" prefix", "s"))
            return [(_bucket(each), each.removeprefix("s3://").partition("/")[2]) for each in uris]
        if on == "bucket":
            uris = [each for kind in ("inputs", "checkpoints") for each in self._uris(step, kind)]
            return [(_bucket(each), "") for each in dict.fromkeys(uris)]
        if on in ("inputs", "outputs", "checkpoints", "property file"):
            return [(f"arn:aws:s3:::{each.removeprefix('s3://')}", "") for each in self._uris(step, on)]
        return [(each, "") for each in self._arns(step, on)]

    def _uris(self, step: dict[str, Any], kind: str) -> list[str]:
        if kind == "property file":
            return list(self._property_files(step))
        if kind == "inputs":
            return self._named(step, "S3Uri", "ModelDataUrl", but=("Output", "Checkpoint"))
        within = {"outputs": "Output", "checkpoints": "CheckpointConfig"}[kind]
        return [f"{each}/a" for each in self._named(step, "S3Uri", "S3OutputPath", within=within)]

    def _arns(self, step: dict[str, Any], on: str) -> list[str]:
        if on in _ARGUMENTS:
            return self._named(step, *_ARGUMENTS[on])
        if on in ("interface", "interface parts", "network"):
            return self._network(step, on)
        if on == "image":
            images = [_IMAGE.match(each) for each in self._named(step, "ImageUri", "TrainingImage", "Image")]
            return [f"arn:aws:ecr:{each[2]}:{each[1]}:repository/{each[3]}" for each in images if each]
        home = f"{self._where.region}:{self._where.account}"
        group = self._text(step["Arguments"].get("ModelPackageGroupName"))
        logs = f"log-group:/aws/sagemaker/{_LOGS.get(step['Type'], 'TrainingJobs')}:log-stream:{step['Name']}"
        named = {
            "job": f"arn:aws:sagemaker:{home}:{_NAMES.get(step['Type'])}{step['Name']}-a1b2",
            "group": f"arn:aws:sagemaker:{home}:model-package-group/{group}",
            "version": f"arn:aws:sagemaker:{home}:model-package/{group}/7",
            "log group": f"arn:aws:logs:{home}:{logs}",
            "namespace": f"arn:aws:cloudwatch:{home}:dataset/default",
            "anything": "*",
        }
        return [named[on]]

    def _network(self, step: dict[str, Any], on: str) -> list[str]:
        """Return what of EC2 a request is on whose step names a VPC."""
        kinds = {"Subnets": "subnet", "SecurityGroupIds": "security-group"}
        ec2 = f"arn:aws:ec2:{self._where.region}:{self._where.account}"
        named = [
            f"{ec2}:{kinds[str(path[-2])]}/{value}"
            for path, value in walk.places(walk.own_arguments(step))
            if "VpcConfig" in path[:-2] and str(path[-2]) in kinds
        ]
        if on == "network":
            return ["*"] if named else []
        interface = [f"{ec2}:network-interface/eni-0a1b"] if named else []
        return interface if on == "interface" else named + interface

    def _named(self, step: dict[str, Any], *keys: str, within: str = "", but: tuple[str, ...] = ()) -> list[str]:
        """Return the values of these arguments, below an argument called like `within` and none called like `but`."""
        found = [
            self._text(value)
            for path, value in walk.places(walk.own_arguments(step))
            if path[-1] in keys
            and (not within or any(within in str(part) for part in path))
            and not any(each in str(part) for each in but for part in path)
        ]
        return list(dict.fromkeys(found))

    def _property_files(self, step: dict[str, Any]) -> Iterator[str]:
        for path, value in walk.places(walk.own_arguments(step)):
            if path[-2:] == ("Std:JsonGet", "PropertyFile"):
                name, rest = _step_of(value["Get"])
                declared = self._steps[name]["PropertyFiles"]
                file = next(each for each in declared if each["PropertyFileName"] == rest.rpartition(".")[2])
                folder = self._property(name, f"ProcessingOutputConfig.Outputs['{file['OutputName']}'].S3Output.S3Uri")
                yield f"{folder}/{file['FilePath']}"

    def _text(self, value: Any) -> str:
        if not isinstance(value, dict):
            return str(value)
        if "Std:Join" in value:
            join = value["Std:Join"]
            return str(join["On"].join(self._text(each) for each in join["Values"]))
        reference = str(value.get("Get", ""))
        if reference.startswith("Parameters."):
            return str(self._defaults[reference.removeprefix("Parameters.")])
        return self._property(*_step_of(reference)) if reference.startswith("Steps.") else _EXECUTION

    def _property(self, name: str, path: str) -> str:
        """Return a property of a step: the argument that it repeats, or a sample."""
        value = self._steps[name]["Arguments"]
        if path == "ModelArtifacts.S3ModelArtifacts":
            return f"{self._text(value['OutputDataConfig']['S3OutputPath'])}/job/output/model.tar.gz"
        for part in _PART.finditer(path):
            if part["index"]:
                value = next((each for each in value or () if each.get("OutputName") == part["index"]), None)
            else:
                value = value.get(part["name"]) if isinstance(value, dict) else None
        return _EXECUTION if value is None else self._text(value)


def _step_of(reference: str) -> tuple[str, str]:
    name, _, path = reference.removeprefix("Steps.").partition(".")
    return name, path


def _bucket(uri: str) -> str:
    return f"arn:aws:s3:::{uri.removeprefix('s3://').partition('/')[0]}"
