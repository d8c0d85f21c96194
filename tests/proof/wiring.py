# SPDX-License-Identifier: MIT-0
"""Whether a delivery is told of things that are there, in the account and region of the stage that it delivers to.

Names of another account are written down on both sides; a misspelt one shows at the first delivery. Source:
CodePipeline User Guide, "Create a pipeline that uses resources from another account" and "Add a cross-Region action".
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from tests.proof.intrinsic import Documents, Resource, resources
from tests.proof.replica import aliases
from tests.proof.sample import Place

_ARN: Final = re.compile(r"arn:aws:[\w-]+:[\w-]*:\d{12}:[\w+=,.@/:-]+")


def problems(documents: Documents) -> Iterator[str]:
    """Yield what the pipelines in `documents` name that is not there, or is elsewhere."""
    deployed = resources(documents)
    there = {str(each.arn): each.where for each in deployed if each.arn}
    keys = aliases(deployed)
    there |= {alias: there[key] for alias, key in keys.items()}
    for resource in deployed:
        if resource.kind == "AWS::CodePipeline::Pipeline":
            yield from (f"{resource.place}: {problem}" for problem in _pipeline(resource, there))
            yield from (f"{resource.place}: {problem}" for problem in _stores(resource, deployed, keys))


def _pipeline(pipeline: Resource, there: dict[str, Place]) -> Iterator[str]:
    stores = {each["Region"] for each in pipeline.properties.get("ArtifactStores", [])} or {pipeline.where.region}
    for stage in pipeline.properties["Stages"]:
        for action in stage["Actions"]:
            region = action.get("Region", pipeline.where.region)
            place = f"{stage['Name']}/{action['Name']}"
            if region not in stores:
                yield f"{place}: no artifact store in {region}"
            yield from (f"{place}: {problem}" for problem in _action(action, region, pipeline, there))


def _action(action: dict[str, Any], region: str, pipeline: Resource, there: dict[str, Place]) -> Iterator[str]:
    configuration = action.get("Configuration", {})
    role, service_role = action.get("RoleArn"), configuration.get("RoleArn")
    account = str(role).split(":")[4] if role else pipeline.where.account
    for name in filter(None, (role, service_role)):
        if name not in there:
            yield f"role {name} is made by no stack"
        elif name.split(":")[4] != account:
            yield f"role {name} is not of {account}, where the action is"
    told = {**_json(configuration.get("ParameterOverrides")), **_json(configuration.get("UserParameters"))}
    for name, value in told.items():
        if _ARN.fullmatch(str(value)) and value not in there:
            yield f"{name}: {value} is made by no stack"
        elif role and value in there and not _near(there[value], account, region, str(value)):
            yield f"{name}: {value} is not in {account} {region}, where the action is"
    if "images" in told:
        yield from _images(told)
    access, said = there.get(told.get("access", "")), told.get("region")
    if access and access.region != said:
        yield f"region {said} is not that of {told['access']}"


def _images(told: dict[str, str]) -> Iterator[str]:
    """Yield if no image is looked up where `cdk deploy` pushes those of the stage that the access role is of."""
    account, region = told["access"].split(":")[4], told["region"]
    pushed = f"{account}/cdk-hnb659fds-container-assets-{account}-{region}"
    if pushed not in [each.partition("=")[2] for each in told["images"].split(",")]:
        yield f"images: none is looked up in {pushed}"


def _near(where: Place, account: str, region: str, arn: str) -> bool:
    return where.account == account and (":iam:" in arn or where.region == region)


def _json(text: Any) -> dict[str, Any]:
    """Return an object that a configuration carries as text; action.py tells of one that is none."""
    try:
        return dict(json.loads(text or "{}"))
    except ValueError:
        return {}


def _stores(pipeline: Resource, deployed: list[Resource], keys: dict[str, str]) -> Iterator[str]:
    """Yield which artifact store is not in its region, or is under another key than its bucket."""
    buckets = {str(each.arn).rpartition(":")[2]: each for each in deployed if each.kind == "AWS::S3::Bucket"}
    for each in pipeline.properties.get("ArtifactStores", []):
        name, key = each["ArtifactStore"]["Location"], str(each["ArtifactStore"]["EncryptionKey"]["Id"])
        if name not in buckets or buckets[name].where.region != each["Region"]:
            yield f"the artifact store {name} is in no stack of {each['Region']}"
            continue
        rules = buckets[name].properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        if rules[0]["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] != keys.get(key, key):
            yield f"the artifact store {name} is encrypted with {key}, which is not its bucket's key"
