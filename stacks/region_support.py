# SPDX-License-Identifier: MIT-0
"""Says which resource types of the templates CloudFormation does not have in a region, and what follows from that.

region_support.json holds the facts: for each type that a template uses, the regions of the built-in algorithm without
it, by cfn-lint's copy of CloudFormation's registry. What follows is written here once, for the settings (refused at
synth), for preflight and for docs/regions.md. ``python -m stacks.region_support`` makes table and page anew; it needs
the development environment. Tests compare the table with the templates and with cfn-lint.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aws_cdk import Aws, CfnCondition, Fn
from constructs import Construct

from stacks.algorithm import REGISTRIES
from stacks.place import at_home, bills
from stacks.settings import Environment, Settings, Source

TABLE: Final = Path(__file__).with_suffix(".json")
PAGE: Final = Path(__file__).parent.parent / "docs" / "regions.md"
_FACTS: Final[dict[str, Any]] = json.loads(TABLE.read_text())
# Regions without a type, by the type: every type that a template uses.
WITHOUT: Final[dict[str, list[str]]] = _FACTS["without"]
# Regions of which no registry is published, so that nobody can tell.
UNPUBLISHED: Final[list[str]] = _FACTS["unpublished"]

BUDGET: Final = "AWS::Budgets::Budget"
BUILD: Final = "AWS::CodeBuild::Project"
CONNECTION: Final = "AWS::CodeConnections::Connection"
ENDPOINT: Final = "AWS::SageMaker::Endpoint"
REGISTRY: Final = "AWS::SageMaker::ModelPackageGroup"
_REMEDIES: Final = {
    BUDGET: "Watch the bill by a budget that is made by hand in the Billing console.",
    BUILD: "Leave source.repository empty (and source.kind as it is): uploads, the schedule and make retrain retrain.",
    CONNECTION: "Make a connection in another region, in the Developer Tools console, and give source.connection_arn.",
    ENDPOINT: "Give another region: docs/regions.md has a list.",
    REGISTRY: "Give another region: docs/regions.md has a list.",
}


@dataclass(frozen=True)
class Need:
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
        return lacks(region, self.type)

    def sentence(self, region: str) -> str:
        """Return what follows from that, as a sentence without its full stop."""
        follows = f"{self.used_by} is left out" if self.optional else f"{self.used_by} cannot be made"
        return f"CloudFormation has no {self.type} in {region}, so that {follows}"


def lacks(region: str, kind: str) -> bool:
    """Return whether CloudFormation does not have the resource type `kind` in `region`."""
    return region in WITHOUT[kind]


def needs(settings: Settings, where: Environment) -> Iterator[Need]:
    """Yield the types that `settings` need in an account and region and that some region lacks."""
    if where == settings.build:
        yield Need(REGISTRY, "the model registry")
        if pushes(settings.source):
            yield Need(BUILD, "the build of a push")
            if settings.source.kind == "codeconnections" and not settings.source.connection_arn:
                yield Need(CONNECTION, "the connection to source.repository")
        stages, billed = at_home(settings), True
    else:
        placed = {stage: getattr(settings, f"{stage}_environment") for stage in ("staging", "production")}
        stages = tuple(stage for stage, there in placed.items() if there == where)
        billed = any(bills(settings, stage) for stage in stages)
    if stages:
        yield Need(ENDPOINT, f"the endpoint of {' and '.join(stages)}")
    if billed and settings.budget.monthly_usd:
        yield Need(BUDGET, "the monthly budget", optional=True)


def pushes(source: Source) -> bool:
    """Return whether pushes are built, deployed and trained on."""
    return source.kind == "s3" or bool(source.repository)


def has_budgets(scope: Construct) -> CfnCondition:
    """Return the condition that the region of the stack has budgets, for a stack whose region the account decides.

    CloudFormation takes a template with a type that its region does not have, if a condition on AWS::Region leaves the
    resource out: the CDK's own AWS::CDK::Metadata works in this way.
    """
    without = [Fn.condition_equals(Aws.REGION, region) for region in WITHOUT[BUDGET]]
    return CfnCondition(scope, "BudgetsHere", expression=Fn.condition_not(Fn.condition_or(*without)))


def render() -> str:
    """Return docs/regions.md."""
    rows = "".join(f"| {region} | {_cell(region)} |\n" for region in sorted(REGISTRIES))
    return f"""\
# Regions

Generated from `stacks/region_support.json` by `python -m stacks.region_support`; do not edit. Source: the resource \
types of each region in {_FACTS["source"]}. AWS adds types to regions: after an update of cfn-lint a test says that \
this page is out of date.

The table has the {len(REGISTRIES)} regions that have AWS's image of the built-in algorithm. All other regions are \
refused. What is missing has these consequences, which synth and `make preflight` also state:

| CloudFormation has no | consequence |
|---|---|
| `{BUDGET}` | The budget is left out, and everything else is deployed. {_REMEDIES[BUDGET]} |
| `{CONNECTION}` | A deployment that would make a connection is refused. {_REMEDIES[CONNECTION]} |
| `{BUILD}` | A deployment with a source of pushes is refused. {_REMEDIES[BUILD]} |
| `{REGISTRY}` | Refused as the region of build. |
| `{ENDPOINT}` | Refused as the region of a stage: put the stage elsewhere (`staging_environment`, \
`production_environment`), or choose another region. |

| region | CloudFormation has no |
|---|---|
{rows}"""


def _cell(region: str) -> str:
    if region in UNPUBLISHED:
        return "not known: no list of its resource types is published"
    return ", ".join(f"`{kind}`" for kind in sorted(_REMEDIES) if lacks(region, kind)) or "all there"


def looked_up(types: list[str]) -> dict[str, Any]:
    """Return the table for `types`, from cfn-lint's copy of CloudFormation's registry."""
    # A development tool, which who deploys does not have.
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER as REGISTRY_COPY  # noqa: PLC0415
    from cfnlint.version import __version__  # noqa: PLC0415

    known = {region: frozenset(REGISTRY_COPY.get_resource_types(region)) for region in sorted(REGISTRIES)}
    # For a region that it does not know, cfn-lint takes the list of us-east-1.
    unknown = [region for region, there in known.items() if there == known["us-east-1"] and region != "us-east-1"]
    without = {kind: [region for region, there in known.items() if kind not in there] for kind in sorted(types)}
    return {"source": f"cfn-lint {__version__}", "unpublished": unknown, "without": without}


def main() -> None:
    """Write table and page anew."""
    made = looked_up(list(WITHOUT))
    TABLE.write_text(json.dumps(made, indent=2) + "\n")
    WITHOUT.update(made["without"])
    UNPUBLISHED[:] = made["unpublished"]
    _FACTS["source"] = made["source"]
    PAGE.write_text(render())


if __name__ == "__main__":
    main()
