# SPDX-License-Identifier: MIT-0
"""The endpoint templates: synthesized with the application, deployed by the delivery pipeline.

They stand in a stage of their own, because `cdk deploy --all` would stop at the parameters that they need.
"""

from aws_cdk import DefaultStackSynthesizer, IgnoreMode, Stage, Tags
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from stacks.endpoint import EndpointStack
from stacks.place import STAGES
from stacks.settings import Settings


class EndpointStage(Stage):
    """The endpoint stacks of staging and production.

    They are of no account and no region, since one template serves wherever the pipeline deploys it.

    Attributes:
        stacks: Each by its stage's name.
    """

    def __init__(self, scope: Construct, id_: str, *, settings: Settings) -> None:
        super().__init__(scope, id_)
        self.stacks = {stage: self._stack(settings, stage) for stage in STAGES}
        # Tags of the application do not reach into a stage.
        Tags.of(self).add("project", settings.name)

    def _stack(self, settings: Settings, stage: str) -> EndpointStack:
        return EndpointStack(
            self,
            stage.capitalize(),
            settings=settings,
            stage=stage,
            endpoint=getattr(settings, stage),
            stack_name=f"{settings.name}-{stage}",
            description=f"{settings.name}: the endpoint of {stage}",
            # CloudFormation deploys it without the CDK, so there is no bootstrap version to look up.
            synthesizer=DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
        )


def templates(scope: Construct, id_: str, stage: EndpointStage) -> assets.Asset:
    """Return the stage's templates, and nothing else, as an object in the CDK's bucket."""
    return assets.Asset(
        scope,
        id_,
        path=stage.synth().directory,
        exclude=["*", "!*.template.json"],
        ignore_mode=IgnoreMode.GIT,
    )
