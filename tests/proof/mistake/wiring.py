# SPDX-License-Identifier: MIT-0
"""Mistakes between accounts in what is no policy: replication, and what the delivery names in another account."""

from typing import Final

from tests.proof.mutation import GONE, Mistake, action, prop, word

_PIPELINE: Final = "Deployment CodePipeline::Pipeline"
_RULE: Final = "ReplicationConfiguration/Rules/0"
_SOURCE: Final = "ProductionSite S3::Bucket Bucket"

MISTAKES: Final = (
    Mistake(
        "replica under AWS's key",
        "replica",
        "own key",
        prop(_SOURCE, f"{_RULE}/Destination/EncryptionConfiguration", GONE),
    ),
    Mistake(
        "replica of what is not encrypted",
        "replica",
        "which is all there is",
        prop(_SOURCE, f"{_RULE}/SourceSelectionCriteria", GONE),
    ),
    Mistake(
        "replica of another stage",
        "replica",
        "is not replicated",
        prop(_SOURCE, f"{_RULE}/Filter/Prefix", "capture/staging/"),
    ),
    Mistake(
        "replica whose failures nothing counts",
        "replica",
        "has no metrics",
        prop(_SOURCE, f"{_RULE}/Destination/Metrics", GONE),
    ),
    Mistake(
        "replica whose failures nobody is told of",
        "replica",
        "no alarm tells",
        prop("ProductionSite CloudWatch::Alarm", "AlarmActions", GONE),
    ),
    Mistake(
        "alarm over another bucket",
        "replica",
        "no alarm tells",
        word("ProductionSite CloudWatch::Alarm", "-captures-", "-artifacts-"),
    ),
    Mistake("replica into nowhere", "replica", "no stack makes", word(_SOURCE, "captures-111122223333", "captures")),
    Mistake(
        "staging deployed as production's role",
        "wiring",
        "is not of 222233334444",
        word(
            _PIPELINE,
            "222233334444:role/skin-lesion-staging-deployer",
            "333344445555:role/skin-lesion-production-deployer",
        ),
    ),
    Mistake(
        "deliverer that nobody makes",
        "wiring",
        "made by no stack",
        word(_PIPELINE, 'staging-deliver"', 'staging-delivers"'),
    ),
    Mistake(
        "endpoint under build's key",
        "wiring",
        "is not in 222233334444",
        word(_PIPELINE, ":222233334444:alias/skin-lesion-staging", ":111122223333:alias/skin-lesion"),
    ),
    Mistake(
        "action without a store",
        "wiring",
        "no artifact store in",
        action(_PIPELINE, "Production/Deploy", "Region", "us-east-1"),
    ),
    Mistake(
        "store of the wrong region",
        "wiring",
        "is in no stack of",
        prop(_PIPELINE, "ArtifactStores/1/Region", "eu-west-3"),
    ),
    Mistake(
        "model that no action brings",
        "action",
        "no such variable",
        action(_PIPELINE, "Staging/Publish", "Namespace", "Model"),
    ),
    Mistake(
        "model that its role may not read",
        "access",
        "model needs s3:GetObject",
        word("StagingSite IAM::Policy ServingRoleDefaultPolicy", "/models/*", "/runs/*"),
    ),
    Mistake(
        "image that the stage's model may not pull",
        "access",
        "model needs ecr:BatchGetImage",
        word("StagingSite IAM::Policy ServingRoleDefaultPolicy", "container-assets", "images"),
    ),
    Mistake(
        "repository that publish may not ask",
        "access",
        "images needs ecr:DescribeImages",
        word("StagingSite IAM::Policy Images", "container-assets", "images"),
    ),
    Mistake(
        "image that is looked up in build's account",
        "wiring",
        "images: none is looked up in 222233334444/cdk-",
        word(_PIPELINE, "=222233334444/cdk-hnb659fds", "=111122223333/cdk-hnb659fds"),
    ),
    Mistake(
        "image that no action finds",
        "action",
        "no such variable",
        word(_PIPELINE, "StagingModel.image}", "StagingModel.images}"),
    ),
    Mistake(
        "endpoint that its access role may not ask",
        "access",
        "access needs sagemaker:InvokeEndpoint",
        word("StagingSite IAM::Policy Access", "endpoint/skin-lesion-staging", "endpoint/skin-lesion"),
    ),
)
