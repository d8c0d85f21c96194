# SPDX-License-Identifier: MIT-0
"""Describes a model package: its approval status, evaluation, and the endpoint that serves it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from operations.functions.aws_clients import S3_URI_PATTERN, Client
from operations.functions.errors import UsageError
from pipeline_src import contract

APPROVED_STATUS: Final = "Approved"
# Tag of a model in another account or region: the package that it is a copy of.
MODEL_PACKAGE_TAG: Final = "model-package"
_PACKAGE_ARN_PATTERN: Final = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):sagemaker:(?P<region>[a-z0-9-]+):[0-9]{12}:model-package/(?P<group>.+)/(?P<version>[0-9]+)"
)


@dataclass(frozen=True)
class ModelPackage:
    """One version of a model.

    Attributes:
        arn: Its ARN.
        status: Its approval status.
        changed: Time of the last change, for example of an approval.
        metadata: Its customer metadata.
        containers: Its containers as in the registry: image, model, environment.
    """

    arn: str
    status: str
    changed: datetime
    metadata: Mapping[str, str]
    containers: Sequence[Mapping[str, Any]] = ()

    @property
    def report(self) -> str:
        """S3 URI of report.html."""
        return self._uri(contract.METADATA_REPORT)

    @property
    def evaluation(self) -> str:
        """S3 URI of the folder of report.html and predictions.csv."""
        return self.report.rpartition("/")[0]

    @property
    def holdout(self) -> str:
        """S3 URI of the folder of the images that were scored."""
        return self._uri(contract.METADATA_HOLDOUT)

    @property
    def manifest(self) -> str:
        """S3 URI of the manifest of the images that it was trained, validated and tested on."""
        return contract.manifest_of_holdout(self.holdout)

    @property
    def artifact(self) -> str:
        """S3 URI of its model.tar.gz."""
        uri = next((str(each["ModelDataUrl"]) for each in self.containers if each.get("ModelDataUrl")), "")
        if not S3_URI_PATTERN.fullmatch(uri):
            raise UsageError(
                f"model package {self.arn}: ModelDataUrl {uri!r} is not an S3 URI. Run the pipeline again."
            )
        return uri

    @property
    def headline(self) -> str:
        """The figures for the approval in one line; those that the package lacks are left out."""
        figures = (("balanced_accuracy", "balanced accuracy"), ("melanoma_sensitivity", "melanoma sensitivity"))
        more = (("melanoma_specificity", "melanoma specificity"), ("melanoma_threshold", "threshold"))
        told = [f"{name} {self.metadata[key]}" for key, name in (*figures, *more) if key in self.metadata]
        told += [f"{self.metadata['test_images']} test images"] if "test_images" in self.metadata else []
        return (", ".join(told) or "the package has no figures") + self._against

    def told(self, live: str) -> str:
        """Return the headline for the approval, with a warning if it was compared with another package than `live`.

        `live` is the ARN of the package in production, or empty.
        """
        stale = self.against_live(live)
        return f"{self.headline}; {stale}" if stale else self.headline

    def against_live(self, live: str) -> str:
        """Return a warning if it was compared with another package than `live`, which is in production; else empty."""
        champion = self.metadata.get(contract.METADATA_CHAMPION, contract.NO_COMPARISON)
        if not live or live in (champion, self.arn) or champion in ("", contract.NO_COMPARISON):
            return ""
        return (
            f"not compared with {package_title(live) if _PACKAGE_ARN_PATTERN.fullmatch(live) else live}, "
            "which is now in production"
        )

    @property
    def _against(self) -> str:
        """The difference from the champion at its evaluation, in words; empty if the package has none."""
        champion, difference = self.metadata.get(contract.METADATA_CHAMPION), self.metadata.get("champion_difference")
        if champion == contract.NO_PACKAGE:
            return "; compared with no other model"
        if champion == contract.NO_COMPARISON:
            return "; not compared with the model in production: the comparison was turned off"
        if not (champion and difference):
            return ""
        return (
            "; against "
            f"{package_title(champion) if _PACKAGE_ARN_PATTERN.fullmatch(champion) else champion}: {difference}"
        )

    def _uri(self, key: str) -> str:
        uri = self.metadata.get(key, "")
        if not S3_URI_PATTERN.fullmatch(uri):
            known = ", ".join(sorted(self.metadata)) or "none"
            raise UsageError(
                f"model package {self.arn}: metadata {key!r}: {uri!r} is not an S3 URI (found keys: {known}). Only "
                "packages that the pipeline registered can be delivered: run it again."
            )
        return uri


def describe_model_package(sagemaker: Client, arn: str) -> ModelPackage:
    """Return the model package of that ARN.

    Raises:
        UsageError: It is not the ARN of a version, or the registry does not have it.
        ClientError: The service refused.
    """
    match_package_arn(arn)
    try:
        answer = sagemaker.describe_model_package(ModelPackageName=arn)
    except ClientError as error:
        # The service has no specific error: it answers ValidationException, "ModelPackage ... does not exist".
        if error.response["Error"]["Code"] != "ValidationException":
            raise
        raise UsageError(
            f"model package {arn}: {error.response['Error']['Message']} List the existing ones: "
            f"aws sagemaker list-model-packages --model-package-group-name {match_package_arn(arn)['group']}"
        ) from error
    changed = answer.get("LastModifiedTime", answer["CreationTime"])
    status, metadata = answer.get("ModelApprovalStatus", ""), answer.get("CustomerMetadataProperties", {})
    containers = tuple(answer.get("InferenceSpecification", {}).get("Containers", ()))
    return ModelPackage(arn, status, changed, metadata, containers)


def match_package_arn(arn: str) -> re.Match[str]:
    """Return the parts of a model package's ARN: partition, region, group, version.

    Raises:
        UsageError: It is not such an ARN.
    """
    found = _PACKAGE_ARN_PATTERN.fullmatch(arn)
    if not found:
        raise UsageError(
            f"model package {arn!r}: is not the ARN of a version, which has the form "
            "arn:aws:sagemaker:REGION:ACCOUNT:model-package/GROUP/VERSION. The registry in SageMaker Studio shows it."
        )
    return found


def package_version(arn: str) -> int:
    """Return the version number: 3 of ``.../skin-lesion/3``."""
    return int(match_package_arn(arn)["version"])


def package_title(arn: str) -> str:
    """Return a title: ``version 3 of skin-lesion``."""
    parts = match_package_arn(arn)
    return f"version {parts['version']} of {parts['group']}"


def served_package_arn(sagemaker: Client, endpoint: str) -> str:
    """Return the ARN of the model package behind an endpoint, or empty if the service does not name it.

    Raises:
        ClientError: There is no such endpoint, or the service refused.
    """
    return _first_value(_endpoint_containers(sagemaker, endpoint), "ModelPackageName")


def tagged_package_arn(sagemaker: Client, endpoint: str) -> str:
    """Return the ARN of the model package in the tag of the model behind an endpoint.

    In another account or region the model is a copy without a package; its stack adds the tag.
    """
    arns = [sagemaker.describe_model(ModelName=name)["ModelArn"] for name in _endpoint_models(sagemaker, endpoint)]
    pages = sagemaker.get_paginator("list_tags")
    tags = [tag for arn in arns for page in pages.paginate(ResourceArn=arn) for tag in page["Tags"]]
    return next((tag["Value"] for tag in tags if tag["Key"] == MODEL_PACKAGE_TAG), "")


def served_artifact_uri(sagemaker: Client, endpoint: str) -> str:
    """Return the URI of the model artifact behind an endpoint."""
    return _first_value(_endpoint_containers(sagemaker, endpoint), "ModelDataUrl")


def _endpoint_containers(sagemaker: Client, endpoint: str) -> list[Mapping[str, str]]:
    models = [sagemaker.describe_model(ModelName=name) for name in _endpoint_models(sagemaker, endpoint)]
    return [found for model in models for found in (model.get("PrimaryContainer", {}), *model.get("Containers", []))]


def _endpoint_models(sagemaker: Client, endpoint: str) -> list[str]:
    """Return the name of the model behind an endpoint, if the service names it."""
    configuration = sagemaker.describe_endpoint(EndpointName=endpoint).get("EndpointConfigName")
    if not configuration:
        return []
    variants = sagemaker.describe_endpoint_config(EndpointConfigName=configuration)["ProductionVariants"]
    return [variant["ModelName"] for variant in variants if variant.get("ModelName")][:1]


def _first_value(containers: list[Mapping[str, str]], key: str) -> str:
    return next((found[key] for found in containers if found.get(key)), "")
