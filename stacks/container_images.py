# SPDX-License-Identifier: MIT-0
"""The container images of jobs and models: built from containers/ by the CDK, or AWS's own.

``cdk deploy`` builds an image and pushes it to the repository of the CDK's bootstrap in the account and region of the
stack. The stack of a remote stage has the same images, so that no account pulls from another one. AWS keeps its images
in one registry account per region.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aws_cdk import Aws, CfnMapping, DefaultStackSynthesizer, Stack
from aws_cdk import aws_ecr_assets as assets
from constructs import Construct

from pipeline_src.algorithms.algorithm_specification import JOBS_IMAGE, ContainerImage
from pipeline_src.algorithms.algorithm_table import ALGORITHMS
from stacks.settings.deployment_settings import AwsEnvironment, Settings

_REPOSITORY: Final = Path(__file__).parents[1]
# Every image, that of the jobs first.
_IMAGES: Final = tuple(dict.fromkeys((JOBS_IMAGE, *(image for each in ALGORITHMS.values() for image in each.images))))
# Images of models that may be served: those of every algorithm, because an earlier model may be of another one.
SERVING_IMAGES: Final = tuple(dict.fromkeys(each.serving_image for each in ALGORITHMS.values()))


@dataclass(frozen=True)
class ImageLocation:
    """The URI of an image, and the ARN of the repository that it is pulled from."""

    uri: str
    repository_arn: str


def container_image(scope: Construct, image: ContainerImage, settings: Settings) -> ImageLocation:
    """Return the location of `image` in the account and region of the stack, which builds it if it is ours."""
    id_ = "".join(part.capitalize() for part in (image.folder or image.repository).replace("_", "-").split("-"))
    if image.is_built:
        asset = _image_asset(scope, f"{id_}Image", image, settings)
        return ImageLocation(asset.image_uri, asset.repository.repository_arn)
    accounts = {region: {"account": each} for region, each in image.accounts.items()}
    account = CfnMapping(scope, f"{id_}Registry", mapping=accounts).find_in_map(Aws.REGION, "account")
    return ImageLocation(
        f"{account}.dkr.ecr.{Aws.REGION}.{Aws.URL_SUFFIX}/{image.repository}:{image.tag}",
        f"arn:{Aws.PARTITION}:ecr:{Aws.REGION}:{account}:repository/{image.repository}",
    )


def image_repositories(scope: Construct, images: Iterable[ContainerImage], settings: Settings) -> list[str]:
    """Return the ARNs of the repositories that `images` are pulled from, each once."""
    return list(dict.fromkeys(container_image(scope, each, settings).repository_arn for each in images))


def asset_repository_name(scope: Construct, where: AwsEnvironment) -> str:
    """Return the name of the repository that `cdk bootstrap` has created in `where`, to which our images are pushed.

    Source: CDK Developer Guide, "Customize AWS CDK bootstrapping"; all stacks have the same qualifier.
    """
    qualifier = Stack.of(scope).synthesizer.bootstrap_qualifier or DefaultStackSynthesizer.DEFAULT_QUALIFIER
    return f"cdk-{qualifier}-container-assets-{where.account}-{where.region}"


def corresponding_images(scope: Construct, settings: Settings, where: AwsEnvironment) -> str:
    """Return which registry in `where` has the image that a model package names in a registry of build.

    The form is that of `operations.functions.function_payloads.PublishRequest.images`.
    """
    here = settings.build
    pairs = {
        f"{here.account}/{asset_repository_name(scope, here)}": f"{where.account}/{asset_repository_name(scope, where)}"
    }
    for image in SERVING_IMAGES:
        if here.region in image.accounts and where.region in image.accounts:
            name = f"{image.repository}:{image.tag}"
            pairs[f"{image.accounts[here.region]}/{name}"] = f"{image.accounts[where.region]}/{name}"
    return ",".join(f"{of}={there}" for of, there in pairs.items())


def _image_asset(scope: Construct, id_: str, image: ContainerImage, settings: Settings) -> assets.DockerImageAsset:
    # .dockerignore and the exclusion of the other images' folders limit the context, so that the tag changes only with
    # what enters the image.
    others = (each.folder for each in _IMAGES if each.is_built and each.folder != image.folder)
    return assets.DockerImageAsset(
        scope,
        id_,
        directory=str(_REPOSITORY),
        file=f"containers/{image.folder}/Dockerfile",
        exclude=[f"containers/{each}" for each in others],
        platform=assets.Platform.LINUX_AMD64,
        # A model server writes nothing, so that its own user, who is not root, will do.
        build_args=None if image.serve else {"JOB_USER": settings.training.job_user},
    )
