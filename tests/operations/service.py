# SPDX-License-Identifier: MIT-0
"""AWS services as tests see them: boto3's own clients, whose requests and answers botocore checks, and no network."""

import functools
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from botocore.validate import validate_parameters

REGION: Final = "us-east-1"
MONDAY: Final = datetime(2026, 11, 23, 9, tzinfo=UTC)
PACKAGE: Final = "arn:aws:sagemaker:us-east-1:111111111111:model-package/skin-lesion/3"
EARLIER: Final = "arn:aws:sagemaker:us-east-1:111111111111:model-package/skin-lesion/2"
CHAMPION: Final = "/skin-lesion/champion"
TOPIC: Final = "arn:aws:sns:us-east-1:111111111111:skin-lesion"
METADATA: Final = {
    "report": "s3://runs/runs/abc/evaluate/evaluation/report.html",
    "holdout": "s3://runs/runs/abc/preprocess/holdout",
    "balanced_accuracy": "0.712",
    "melanoma_sensitivity": "0.851",
    "melanoma_specificity": "0.803",
    "melanoma_threshold": "0.214",
    "test_images": "1993",
}


@functools.cache
def client(name: str, region: str = REGION) -> Any:
    """A client that could reach nothing."""
    keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
    return boto3.client(name, region_name=region, **keys)


class Services:
    """Clients by name, and the answers that they are to give, in order."""

    def __init__(self, stack: ExitStack, region: str = REGION) -> None:
        self.stack, self.region = stack, region
        self.stubs: dict[str, Stubber] = {}

    def __call__(self, name: str) -> Any:
        return self.stub(name).client

    def stub(self, name: str) -> Stubber:
        if name not in self.stubs:
            self.stubs[name] = self.stack.enter_context(Stubber(client(name, self.region)))
        return self.stubs[name]

    def answers(self, service: str, operation: str, answer: Mapping[str, Any], **expected: Any) -> None:
        """Have the next call be `operation` with `expected` parameters, if any are given, and give `answer`."""
        self.stub(service).add_response(operation, dict(answer), expected or None)

    def refuses(self, service: str, operation: str, code: str, message: str = "No.", **more: Any) -> None:
        """Have the next call be `operation`, and refuse it."""
        self.stub(service).add_client_error(operation, code, message, modeled_fields=more or None)

    def package(self, arn: str = PACKAGE, status: str = "Approved", **more: Any) -> None:
        """Have the registry describe a package."""
        described = {
            "ModelPackageName": arn.rpartition("/")[0].rpartition("/")[2],
            "ModelPackageArn": arn,
            "ModelApprovalStatus": status,
            "CreationTime": MONDAY,
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": []},
            "CustomerMetadataProperties": METADATA,
        }
        self.answers("sagemaker", "describe_model_package", described | more, ModelPackageName=arn)

    def champion(self, arn: str) -> None:
        """Have the parameter store name the champion; empty: it has no such parameter."""
        if not arn:
            self.refuses("ssm", "get_parameter", "ParameterNotFound")
            return
        found = {"Name": CHAMPION, "Value": arn, "LastModifiedDate": MONDAY}
        self.answers("ssm", "get_parameter", {"Parameter": found}, Name=CHAMPION)

    def endpoint(self, name: str, arn: str = PACKAGE, status: str = "InService", artifact: str = "") -> None:
        """Have an endpoint described, twice: its status is asked for, and what it serves: a package or an artifact."""
        arns = {"EndpointName": name, "EndpointArn": f"arn:aws:sagemaker:us-east-1:111111111111:endpoint/{name}"}
        times = {"CreationTime": MONDAY, "LastModifiedTime": MONDAY}
        described = {**arns, **times, "EndpointConfigName": "config", "EndpointStatus": status}
        self.answers("sagemaker", "describe_endpoint", described, EndpointName=name)
        if status != "InService":
            return
        self.answers("sagemaker", "describe_endpoint", described, EndpointName=name)
        self.answers("sagemaker", "describe_endpoint_config", _configuration(), EndpointConfigName="config")
        self.answers("sagemaker", "describe_model", _model(arn, artifact), ModelName="model")


def _configuration() -> dict[str, Any]:
    arn = "arn:aws:sagemaker:us-east-1:111111111111:endpoint-config/config"
    variants = [{"VariantName": "All", "ModelName": "model"}]
    return {
        "EndpointConfigName": "config",
        "EndpointConfigArn": arn,
        "ProductionVariants": variants,
        "CreationTime": MONDAY,
    }


def _model(package: str, artifact: str) -> dict[str, Any]:
    arn = "arn:aws:sagemaker:us-east-1:111111111111:model/model"
    containers = [{"ModelPackageName": package}] if package else [{"Image": "image"}]
    if artifact:
        containers = [{"Image": "image", "ModelDataUrl": artifact}]
    return {"ModelName": "model", "ModelArn": arn, "CreationTime": MONDAY, "Containers": containers}


@contextmanager
def services() -> Iterator[Services]:
    """Services for one test; each answer that it arranged must have been asked for."""
    with ExitStack() as stack:
        arranged = Services(stack)
        yield arranged
        for stub in arranged.stubs.values():
            stub.assert_no_pending_responses()


def valid(service: str, operation: str, request: Mapping[str, Any]) -> None:
    """Refuse a request as botocore does."""
    model = client(service).meta.service_model.operation_model(operation)
    validate_parameters(dict(request), model.input_shape)


def refusal(operation: str, code: str) -> ClientError:
    """Return what a client raises."""
    return ClientError({"Error": {"Code": code, "Message": "No."}}, operation)
