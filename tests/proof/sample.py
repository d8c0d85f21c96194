# SPDX-License-Identifier: MIT-0
"""What the references of a template stand for once it is deployed: samples in the form that each resource has.

Source: "Return values" of each type in the AWS CloudFormation Template Reference.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Any, Final

PARTITION: Final = "aws"
REGION: Final = "eu-west-1"
ACCOUNT: Final = "111122223333"
PSEUDO: Final = {
    "AWS::AccountId": "{a}",
    "AWS::NotificationARNs": [],
    "AWS::Partition": PARTITION,
    "AWS::Region": "{r}",
    "AWS::StackId": "arn:aws:cloudformation:{r}:{a}:stack/sample/0a1b2c3d-0000-4000-8000-000000000000",
    "AWS::StackName": "sample",
    "AWS::URLSuffix": "amazonaws.com",
}
# The deployment that spans accounts: staging in another account, production in a third one and in another region.
STAGING: Final = ("222233334444", REGION)
PRODUCTION: Final = ("333344445555", "eu-central-1")
# What it adds to the settings that tests/assembly.py has everything switched on with. Subnets belong to one account
# and region, so that a VPC is refused.
WITHOUT_VPC: Final = {"network.vpc": "", "network.subnets": "", "network.security_groups": ""}
ACCOUNTS: Final = {
    **WITHOUT_VPC,
    "build.account": ACCOUNT,
    "build.region": REGION,
    "staging_environment.account": STAGING[0],
    "staging_environment.region": STAGING[1],
    "production_environment.account": PRODUCTION[0],
    "production_environment.region": PRODUCTION[1],
}
# So long is the name of a role, a function or a rule at most; CloudFormation cuts what it makes names of to it.
_LONGEST: Final = 64
_KEY: Final = "0a1b2c3d-1111-4222-8333-444455556666"


@dataclass(frozen=True)
class Place:
    """Where a stack is deployed.

    Attributes:
        account: Twelve digits.
        region: Such as eu-west-1.
        stack: Name of its template where several have a key of their own; else empty.
        longest: Whether a name that CloudFormation makes is as long as it can be.
    """

    account: str = ACCOUNT
    region: str = REGION
    stack: str = ""
    longest: bool = False

    @property
    def key(self) -> str:
        """Id of the stack's key, which is random."""
        return f"{hashlib.sha256(self.stack.encode()).hexdigest()[:8]}{_KEY[8:]}" if self.stack else _KEY

    def filled(self, text: str, name: str = "") -> str:
        """Return `text` with this region, account, key and `name` in it."""
        return text.format(r=self.region, a=self.account, k=self.key, n=name)


HERE: Final = Place()
# Property that names a resource, by the last part of its type where it is not simply `Name`.
_NAMES: Final = ("Name", "BucketName", "TopicName", "RoleName", "FunctionName", "RuleName", "AlarmName", "LogGroupName")
_NAMES_MORE: Final = ("StateMachineName", "ModelPackageGroupName", "PipelineName", "EndpointName", "QueueName")
_NAMES_LAST: Final = ("DashboardName", "ConnectionName", "ManagedPolicyName", "PolicyName", "RepositoryName")
# Type -> its ARN behind "arn:aws:"; {r} region, {a} account, {k} key, {n} name.
ARNS: Final = {
    "AWS::CloudWatch::Alarm": "cloudwatch:{r}:{a}:alarm:{n}",
    "AWS::CloudWatch::CompositeAlarm": "cloudwatch:{r}:{a}:alarm:{n}",
    "AWS::CodeBuild::Project": "codebuild:{r}:{a}:project/{n}",
    "AWS::CodeConnections::Connection": f"codeconnections:{{r}}:{{a}}:connection/{_KEY}",
    "AWS::CodePipeline::Pipeline": "codepipeline:{r}:{a}:{n}",
    "AWS::CodeStarConnections::Connection": f"codestar-connections:{{r}}:{{a}}:connection/{_KEY}",
    "AWS::Events::Rule": "events:{r}:{a}:rule/{n}",
    "AWS::IAM::ManagedPolicy": "iam::{a}:policy/{n}",
    "AWS::IAM::Role": "iam::{a}:role/{n}",
    "AWS::KMS::Key": "kms:{r}:{a}:key/{k}",
    "AWS::Lambda::Function": "lambda:{r}:{a}:function:{n}",
    "AWS::Lambda::LayerVersion": "lambda:{r}:{a}:layer:{n}:1",
    "AWS::Logs::LogGroup": "logs:{r}:{a}:log-group:{n}:*",
    "AWS::S3::Bucket": "s3:::{n}",
    "AWS::SNS::Topic": "sns:{r}:{a}:{n}",
    "AWS::SQS::Queue": "sqs:{r}:{a}:{n}",
    "AWS::SSM::Parameter": "ssm:{r}:{a}:parameter{n}",
    "AWS::SageMaker::Endpoint": "sagemaker:{r}:{a}:endpoint/{n}",
    "AWS::SageMaker::EndpointConfig": "sagemaker:{r}:{a}:endpoint-config/{n}",
    "AWS::SageMaker::Model": "sagemaker:{r}:{a}:model/{n}",
    "AWS::SageMaker::ModelPackageGroup": "sagemaker:{r}:{a}:model-package-group/{n}",
    "AWS::Scheduler::Schedule": "scheduler:{r}:{a}:schedule/default/{n}",
    "AWS::StepFunctions::StateMachine": "states:{r}:{a}:stateMachine:{n}",
}
# Types whose Ref is their ARN; of all others it is their name.
_REFS_ARN: Final = {
    "AWS::CodeConnections::Connection",
    "AWS::CodeStarConnections::Connection",
    "AWS::IAM::ManagedPolicy",
    "AWS::Lambda::LayerVersion",
    "AWS::SNS::Topic",
    "AWS::SageMaker::Endpoint",
    "AWS::SageMaker::EndpointConfig",
    "AWS::SageMaker::Model",
    "AWS::SageMaker::ModelPackageGroup",
    "AWS::StepFunctions::StateMachine",
}
# Attributes that are ARNs under another name than Arn.
_ARN_ATTRIBUTES: Final = {"Arn", "TopicArn", "RoleArn", "ConnectionArn", "ModelPackageGroupArn"}
_VALUES: Final = {
    "DomainName": "sample.s3.amazonaws.com",
    "RegionalDomainName": f"sample.s3.{REGION}.amazonaws.com",
    "KeyId": _KEY,
    "Id": "sample",
    "ScalableTargetId": "service/sample",
}


def where(template: str, document: dict[str, Any]) -> Place:
    """Return where that template is deployed, as tests/assembly.py notes in it; HERE for one of no account."""
    noted = document.get("Metadata", {})
    account, _, region = noted.get("Environment", "").partition("/")
    return Place(account, region, template, noted.get("LongestNames", False)) if account else HERE


def name(logical_id: str, properties: dict[str, Any], place: Place = HERE) -> str:
    """Return the physical name: the one that `properties` give, or the logical id as CloudFormation would use it."""
    for each in (*_NAMES, *_NAMES_MORE, *_NAMES_LAST):
        if isinstance(properties.get(each), str):
            return str(properties[each])
    made = "-".join(part for part in ("sample", place.stack.lower(), logical_id.lower()) if part)
    return made.ljust(_LONGEST, "x") if place.longest else made


def pseudo(named: str, place: Place = HERE) -> Any:
    """Return what `Ref` of a pseudo parameter gives."""
    given = PSEUDO[named]
    return place.filled(given) if isinstance(given, str) else given


def reference(kind: str, named: str, place: Place = HERE) -> str:
    """Return what `Ref` of a resource of type `kind` gives."""
    if kind == "AWS::KMS::Key":
        return place.key
    return _arn(kind, named, place) if kind in _REFS_ARN else named


def attribute(kind: str, named: str, wanted: str, place: Place = HERE) -> str | None:
    """Return what `Fn::GetAtt` of a resource of type `kind` gives; None if no such attribute is known here."""
    if wanted in _ARN_ATTRIBUTES and kind in ARNS:
        return _arn(kind, named, place)
    if wanted.endswith("Name"):
        return named
    if kind.startswith(("Custom::", "AWS::CloudFormation::CustomResource")):
        return "sample"
    return _VALUES.get(wanted)


def parameter(named: str, declared: dict[str, Any]) -> Any:
    """Return a value of a template's parameter: its default, its first allowed value, or one that its name suggests."""
    if "Default" in declared and declared["Default"] != "":
        return declared["Default"]
    if declared.get("AllowedValues"):
        return declared["AllowedValues"][0]
    if declared["Type"] == "Number":
        return declared.get("MinValue", 1)
    return next((value for pattern, value in _SUGGESTED if re.search(pattern, named)), "sample")


def _arn(kind: str, named: str, place: Place) -> str:
    return place.filled(f"arn:{PARTITION}:{ARNS[kind]}", named)


_SUGGESTED: Final = (
    ("ModelDataUrl", "s3://sample/models/1/model.tar.gz"),
    ("ModelPackage", f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/skin-lesion/1"),
    ("Key", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{_KEY}"),
    ("Role", f"arn:aws:iam::{ACCOUNT}:role/sample"),
    ("Topic", f"arn:aws:sns:{REGION}:{ACCOUNT}:sample"),
    ("BucketArn", "arn:aws:s3:::sample"),
    ("Alarm", f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:sample"),
)
