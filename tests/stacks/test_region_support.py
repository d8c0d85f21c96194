# SPDX-License-Identifier: MIT-0
"""Regions: the table is cfn-lint's, for the types of the templates; what a region lacks is left out or refused."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App
from aws_cdk.assertions import Annotations, Match

from app import build
from pipeline_src.algorithms.algorithm_table import ALGORITHMS
from stacks.costs import deployment_requirements
from stacks.settings import region_support
from stacks.settings.deployment_settings import Settings
from stacks.settings.region_support import KNOWN_REGIONS
from stacks.settings.settings_context import SettingError, settings_from_context
from stacks.settings.settings_validation import validate_settings
from stacks.settings.stage_placement import remote_environments
from tests.assembly import CONNECTED, FLAGS, ROOT, Assembled, templates_in
from tests.proof.lint import problems
from tests.proof.sample import ACCOUNT, ACCOUNTS

Documents = dict[str, Any]
REPOSITORY = {"source.repository": "owner/name"}
ARN = {"source.connection_arn": f"arn:aws:codeconnections:us-east-1:{ACCOUNT}:connection/1"}
WRITE = "run python -m stacks.settings.region_support"


def types(documents: Documents) -> set[str]:
    return {each["Type"] for document in documents.values() for each in document["Resources"].values()}


def at(region: str, **more: str) -> dict[str, str]:
    """Context of a build in `region`."""
    return {"build.account": ACCOUNT, "build.region": region, **more}


def test_the_table_has_every_type_that_the_templates_use_and_no_other(
    documents: Documents, documents_apart: Documents
) -> None:
    assert set(region_support.REGIONS_WITHOUT_TYPE) == types(documents) | types(documents_apart), (
        "mend region_support.json by hand"
    )


def test_the_table_is_what_cfn_lint_knows() -> None:
    assert json.loads(region_support.SUPPORT_TABLE.read_text()) == region_support.look_up_resource_types(
        list(region_support.REGIONS_WITHOUT_TYPE)
    ), WRITE


def test_the_page_is_made_of_the_table() -> None:
    assert region_support.REGIONS_PAGE.read_text() == region_support.render_regions_page(), WRITE


def test_regions_that_are_known_for_what_they_lack_are_in_the_table() -> None:
    """Seen by others in real deployments: no budget in eu-central-2 and eu-north-1; the registry is in eu-west-1."""
    assert {"eu-central-2", "eu-north-1"} <= set(region_support.REGIONS_WITHOUT_TYPE[region_support.BUDGET_TYPE])
    assert all("eu-west-1" not in regions for regions in region_support.REGIONS_WITHOUT_TYPE.values())
    assert "me-south-1" in region_support.UNPUBLISHED_REGIONS


def test_each_type_that_some_region_lacks_has_its_need_and_its_remedy(documents: Documents) -> None:
    lacking = {kind for kind, regions in region_support.REGIONS_WITHOUT_TYPE.items() if regions}
    # A model and its configuration are missing exactly where the endpoint is.
    same = {"AWS::SageMaker::Model", "AWS::SageMaker::EndpointConfig"}
    assert {tuple(region_support.REGIONS_WITHOUT_TYPE[kind]) for kind in same} == {
        tuple(region_support.REGIONS_WITHOUT_TYPE[region_support.ENDPOINT_TYPE])
    }
    settings = settings_from_context(CONNECTED)
    needed = {each.type for each in region_support.required_resource_types(settings, settings.build)}
    assert needed == lacking - same
    assert needed <= types(documents)


@pytest.mark.parametrize(
    "context",
    [{}, REPOSITORY | ARN, {"source.kind": "s3"}],
    ids=["no source", "a connection that exists", "s3"],
)
def test_what_is_needed_is_what_is_deployed(context: dict[str, str], assembled: Assembled) -> None:
    settings = validate_settings(settings_from_context(context | {"budget.monthly_usd": "0"}))
    found = templates_in(assembled(context | {"budget.monthly_usd": "0"}))
    relevant = {kind for kind, regions in region_support.REGIONS_WITHOUT_TYPE.items() if regions}
    needed = {each.type for each in region_support.required_resource_types(settings, settings.build)}
    assert types(found) & relevant - {"AWS::SageMaker::Model", "AWS::SageMaker::EndpointConfig"} == needed


def test_elsewhere_what_is_needed_is_what_is_deployed_there(documents_apart: Documents) -> None:
    settings = settings_from_context(CONNECTED | ACCOUNTS)
    for where in remote_environments(settings):
        stacks = [
            document
            for document in documents_apart.values()
            if document.get("Metadata", {}).get("Environment") == f"{where.account}/{where.region}"
        ]
        budgets = region_support.BUDGET_TYPE in types(dict(enumerate(stacks)))  # type: ignore[arg-type]
        needed = {each.type: each for each in region_support.required_resource_types(settings, where)}
        assert (region_support.BUDGET_TYPE in needed) is budgets
        stages = [stage for stage in ("staging", "production") if getattr(settings, f"{stage}_environment") == where]
        assert (region_support.ENDPOINT_TYPE in needed) is bool(stages)


REFUSED = {
    "no registry": (at("ap-south-2"), "build.region", "AWS::SageMaker::ModelPackageGroup in ap-south-2"),
    "no connection": (at("af-south-1", **REPOSITORY), "build.region", "AWS::CodeConnections::Connection in af-south-1"),
    "no build": (at("ca-west-1", **REPOSITORY, **ARN), "build.region", "AWS::CodeBuild::Project in ca-west-1"),
    "no endpoint": (at("me-central-1"), "build.region", "AWS::SageMaker::Endpoint in me-central-1"),
    "no endpoint of a stage": (
        at("eu-west-1") | {"production_environment.account": ACCOUNT, "production_environment.region": "me-central-1"},
        "production_environment.region",
        "AWS::SageMaker::Endpoint in me-central-1, so that the endpoint of production cannot be made",
    ),
}


@pytest.mark.parametrize(("context", "place", "said"), REFUSED.values(), ids=REFUSED)
def test_what_nothing_can_be_deployed_without_is_refused(context: dict[str, str], place: str, said: str) -> None:
    with pytest.raises(SettingError) as caught:
        validate_settings(settings_from_context(context))
    assert f"setting {place!r}: " in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "context",
    [at("af-south-1"), at("af-south-1", **REPOSITORY, **ARN), at("eu-north-1", **REPOSITORY), at("me-south-1")],
)
def test_what_a_deployment_does_not_use_is_not_missed(context: dict[str, str]) -> None:
    assert validate_settings(settings_from_context(context)).build.region == context["build.region"]


@pytest.mark.parametrize(
    ("region", "said"),
    [
        ("ap-south-2", "CloudFormation has no AWS::SageMaker::ModelPackageGroup in ap-south-2"),
        ("mx-central-1", "AWS has no image of training.algorithm there"),
    ],
)
def test_the_application_refuses_the_region_of_the_credentials_too(tmp_path: Path, region: str, said: str) -> None:
    """The CDK's command line names it, so that a deployment at the defaults does not stop half-way."""
    bought = next(each.name for each in ALGORITHMS.values() if not each.training_image.is_built)
    environment = os.environ | {
        "CDK_OUTDIR": str(tmp_path / "out"),
        "CDK_DEFAULT_REGION": region,
        "CDK_CONTEXT_JSON": json.dumps({"training.algorithm": bought}),
    }
    words = [sys.executable, "app.py"]
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"setting 'build.region': {region!r}: {said}" in done.stderr
    assert "build.region is empty" in done.stderr


def _built(context: dict[str, str], region: str = "") -> App:
    app = App(context=FLAGS, analytics_reporting=False)
    build(app, validate_settings(settings_from_context(context), region), region)
    return app


def _warned(app: App, stack: str) -> int:
    found = Annotations.from_stack(app.node.find_child(stack))  # type: ignore[arg-type]
    return len(found.find_warning("*", Match.string_like_regexp("no AWS::Budgets::Budget in .*budget is left out")))


def test_a_region_without_budgets_gets_none_and_a_warning() -> None:
    app = _built(at("eu-north-1"))
    template = app.synth().get_stack_by_name("skin-lesion-monitoring").template
    assert region_support.BUDGET_TYPE not in types({"": template})
    assert _warned(app, "Monitoring") == 1


def test_a_stage_elsewhere_in_such_a_region_gets_none_either() -> None:
    there = {"production_environment.account": "3" * 12, "production_environment.region": "eu-north-1"}
    app = _built(at("eu-west-1") | there)
    assembly = app.synth()
    assert region_support.BUDGET_TYPE not in types(
        {"": assembly.get_stack_by_name("skin-lesion-production-site").template}
    )
    assert region_support.BUDGET_TYPE in types({"": assembly.get_stack_by_name("skin-lesion-monitoring").template})
    assert (_warned(app, "ProductionSite"), _warned(app, "Monitoring")) == (1, 0)


def test_where_the_account_decides_the_template_is_the_same_everywhere_and_a_condition_leaves_it_out() -> None:
    """Evaluated for every region as CloudFormation would."""
    apps = {region: _built({}, region) for region in ("", "eu-north-1")}
    made = {region: app.synth().get_stack_by_name("skin-lesion-monitoring").template for region, app in apps.items()}
    assert made[""] == made["eu-north-1"]
    assert {region: _warned(app, "Monitoring") for region, app in apps.items()} == {
        "": 0,
        "eu-north-1": 1,
    }
    (budget,) = [each for each in made[""]["Resources"].values() if each["Type"] == region_support.BUDGET_TYPE]
    condition = made[""]["Conditions"][budget["Condition"]]
    without = {region for region in KNOWN_REGIONS if not _holds(condition, region)}
    assert without == set(region_support.REGIONS_WITHOUT_TYPE[region_support.BUDGET_TYPE])


def _holds(condition: dict[str, Any], region: str) -> bool:
    ((function, given),) = condition.items()
    if function == "Fn::Equals":
        return bool(given == [{"Ref": "AWS::Region"}, region])
    parts = [_holds(each, region) for each in given]
    assert len(parts) <= 10, "CloudFormation takes ten"
    return any(parts) if function == "Fn::Or" else not parts[0]


def test_the_templates_at_the_defaults_pass_in_every_region_where_they_are_not_refused(assembled: Assembled) -> None:
    documents = templates_in(assembled({}))
    settings = Settings()
    taken = [
        region
        for region in sorted(KNOWN_REGIONS)
        if region not in region_support.UNPUBLISHED_REGIONS
        and not any(
            need.missing(region)
            for need in region_support.required_resource_types(settings, settings.build)
            if not need.optional
        )
    ]
    assert len(taken) > 20
    assert list(problems(documents, tuple(taken))) == []


def test_the_demand_tells_what_each_place_lacks() -> None:
    found = deployment_requirements.collect_requirements(settings_from_context(CONNECTED | ACCOUNTS))
    assert {each["type"] for each in found["types"]} == {
        region_support.REGISTRY_TYPE,
        region_support.BUILD_TYPE,
        region_support.CONNECTION_TYPE,
        region_support.BUDGET_TYPE,
    }
    there = {each["account"]: [one["type"] for one in each["types"]] for each in found["elsewhere"] if each["stages"]}
    assert all(region_support.ENDPOINT_TYPE in each for each in there.values())
    assert found["unpublished"] == region_support.UNPUBLISHED_REGIONS
