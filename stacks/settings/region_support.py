# SPDX-License-Identifier: MIT-0
"""The resource types of the templates that CloudFormation lacks in a region, and the consequences.

region_support.json holds the facts: for each type that a template uses, the known regions without it, according to
cfn-lint's copy of CloudFormation's registry. The consequences are defined here, for the settings (refused at synth),
for preflight and for docs/regions.md. ``python -m stacks.settings.region_support`` writes the table and the page; it
needs the development environment. Tests compare the table with the templates and with cfn-lint.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aws_cdk import Aws, CfnCondition, Fn
from constructs import Construct

from pipeline_src.algorithms.algorithm_table import ALGORITHMS
from stacks.settings.deployment_settings import AwsEnvironment, Settings, SourceSettings
from stacks.settings.stage_placement import has_own_budget, home_stages

# The regions that the table is about: those of AWS's images of algorithms, a list of SageMaker's regions.
KNOWN_REGIONS: Final = frozenset(
    region for each in ALGORITHMS.values() for image in each.images for region in image.accounts
)
SUPPORT_TABLE: Final = Path(__file__).with_suffix(".json")
REGIONS_PAGE: Final = Path(__file__).parents[2] / "docs" / "regions.md"
_FACTS: Final[dict[str, Any]] = json.loads(SUPPORT_TABLE.read_text())
# Regions without a type, by the type: every type that a template uses.
REGIONS_WITHOUT_TYPE: Final[dict[str, list[str]]] = _FACTS["without"]
# Regions of which no registry is published, so that nobody can tell.
UNPUBLISHED_REGIONS: Final[list[str]] = _FACTS["unpublished"]

BUDGET_TYPE: Final = "AWS::Budgets::Budget"
BUILD_TYPE: Final = "AWS::CodeBuild::Project"
CONNECTION_TYPE: Final = "AWS::CodeConnections::Connection"
ENDPOINT_TYPE: Final = "AWS::SageMaker::Endpoint"
REGISTRY_TYPE: Final = "AWS::SageMaker::ModelPackageGroup"
_REMEDIES: Final = {
    BUDGET_TYPE: "Watch the bill by a budget that is made by hand in the Billing console.",
    BUILD_TYPE: "Leave source.repository empty (and source.kind as it is): "
    "uploads, the schedule and make retrain retrain.",
    CONNECTION_TYPE: "Make a connection in another region, in the Developer Tools console, "
    "and give source.connection_arn.",
    ENDPOINT_TYPE: "Give another region: docs/regions.md has a list.",
    REGISTRY_TYPE: "Give another region: docs/regions.md has a list.",
}


@dataclass(frozen=True)
class RequiredResourceType:
    """A resource type that a deployment needs in an account and region.

    Attributes:
        type: The resource type.
        used_by: What is made of it, for messages.
        optional: Whether it is left out where CloudFormation does not have it; the rest is refused there.
    """

    type: str
    used_by: str
    optional: bool = False

    @property
    def remedy(self) -> str:
        """What to do where the type is missing."""
        return _REMEDIES[self.type]

    def missing(self, region: str) -> bool:
        """Return whether CloudFormation does not have the type in `region`."""
        return lacks_resource_type(region, self.type)

    def sentence(self, region: str) -> str:
        """Return what follows from that, as a sentence without its full stop."""
        follows = f"{self.used_by} is left out" if self.optional else f"{self.used_by} cannot be made"
        return f"CloudFormation has no {self.type} in {region}, so that {follows}"


def lacks_resource_type(region: str, kind: str) -> bool:
    """Return whether CloudFormation does not have the resource type `kind` in `region`."""
    return region in REGIONS_WITHOUT_TYPE[kind]


def required_resource_types(settings: Settings, where: AwsEnvironment) -> Iterator[RequiredResourceType]:
    """Yield the types that `settings` need in an account and region and that some region lacks."""
    if where == settings.build:
        yield RequiredResourceType(REGISTRY_TYPE, "the model registry")
        if has_push_source(settings.source):
            yield RequiredResourceType(BUILD_TYPE, "the build of a push")
            if settings.source.kind == "codeconnections" and not settings.source.connection_arn:
                yield RequiredResourceType(CONNECTION_TYPE, "the connection to source.repository")
        stages, billed = home_stages(settings), True
    else:
        placed = {stage: getattr(settings, f"{stage}_environment") for stage in ("staging", "production")}
        stages = tuple(stage for stage, there in placed.items() if there == where)
        billed = any(has_own_budget(settings, stage) for stage in stages)
    if stages:
        yield RequiredResourceType(ENDPOINT_TYPE, f"the endpoint of {' and '.join(stages)}")
    if billed and settings.budget.monthly_usd:
        yield RequiredResourceType(BUDGET_TYPE, "the monthly budget", optional=True)


def has_push_source(source: SourceSettings) -> bool:
    """Return whether pushes are built, deployed and trained on."""
    return source.kind == "s3" or bool(source.repository)


def budgets_condition(scope: Construct) -> CfnCondition:
    """Return the condition that the region of the stack has budgets, for a stack whose region the account decides.

    CloudFormation takes a template with a type that its region does not have, if a condition on AWS::Region leaves the
    resource out: the CDK's own AWS::CDK::Metadata works in this way.
    """
    without = [Fn.condition_equals(Aws.REGION, region) for region in REGIONS_WITHOUT_TYPE[BUDGET_TYPE]]
    return CfnCondition(scope, "BudgetsHere", expression=Fn.condition_not(Fn.condition_or(*without)))


def render_regions_page() -> str:
    """Return docs/regions.md."""
    rows = "".join(f"| {region} | {_missing_types_cell(region)} |\n" for region in sorted(KNOWN_REGIONS))
    return f"""\
# Regions

Generated from `stacks/settings/region_support.json` by `python -m stacks.settings.region_support`; do not edit. \
Source: the resource types of each region in {_FACTS["source"]}. \
AWS adds types to regions: after an update of cfn-lint a test says that \
this page is out of date.

The table has the {len(KNOWN_REGIONS)} regions that have AWS's image of `builtin_image_classification`, which is \
refused elsewhere. Of other regions nothing is known here. What is missing has these consequences, which synth and \
`make preflight` also state:

| CloudFormation has no | consequence |
|---|---|
| `{BUDGET_TYPE}` | The budget is left out, and everything else is deployed. {_REMEDIES[BUDGET_TYPE]} |
| `{CONNECTION_TYPE}` | A deployment that would make a connection is refused. {_REMEDIES[CONNECTION_TYPE]} |
| `{BUILD_TYPE}` | A deployment with a source of pushes is refused. {_REMEDIES[BUILD_TYPE]} |
| `{REGISTRY_TYPE}` | Refused as the region of build. |
| `{ENDPOINT_TYPE}` | Refused as the region of a stage: put the stage elsewhere (`staging_environment`, \
`production_environment`), or choose another region. |

| region | CloudFormation has no |
|---|---|
{rows}"""


def _missing_types_cell(region: str) -> str:
    if region in UNPUBLISHED_REGIONS:
        return "not known: no list of its resource types is published"
    return ", ".join(f"`{kind}`" for kind in sorted(_REMEDIES) if lacks_resource_type(region, kind)) or "all there"


def look_up_resource_types(types: list[str]) -> dict[str, Any]:
    """Return the table for `types`, from cfn-lint's copy of CloudFormation's registry."""
    # A development tool, which who deploys does not have.
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER as REGISTRY_COPY  # noqa: PLC0415
    from cfnlint.version import __version__  # noqa: PLC0415

    known = {region: frozenset(REGISTRY_COPY.get_resource_types(region)) for region in sorted(KNOWN_REGIONS)}
    # For a region that it does not know, cfn-lint takes the list of us-east-1.
    unknown = [region for region, there in known.items() if there == known["us-east-1"] and region != "us-east-1"]
    without = {kind: [region for region, there in known.items() if kind not in there] for kind in sorted(types)}
    return {"source": f"cfn-lint {__version__}", "unpublished": unknown, "without": without}


def main() -> None:
    """Write table and page anew."""
    made = look_up_resource_types(list(REGIONS_WITHOUT_TYPE))
    SUPPORT_TABLE.write_text(json.dumps(made, indent=2) + "\n")
    REGIONS_WITHOUT_TYPE.update(made["without"])
    UNPUBLISHED_REGIONS[:] = made["unpublished"]
    _FACTS["source"] = made["source"]
    REGIONS_PAGE.write_text(render_regions_page())


if __name__ == "__main__":
    main()
