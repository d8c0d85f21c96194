# SPDX-License-Identifier: MIT-0
"""The endpoint templates: just the two, for any account, deployed by a pipeline that knows no CDK."""

import json
import re
from pathlib import Path
from typing import Any

from tests.stacks.synthesis import endpoint_of, stages_of


def shipped(assembly: Path) -> dict[str, Any]:
    """Return the files in the asset that the delivery's source action fetches, parsed, by their names."""
    key = source_key(json.loads((assembly / "Deployment.template.json").read_text()))
    folder = assembly / f"asset.{key.removesuffix('.zip')}"
    return {path.name: json.loads(path.read_text()) for path in folder.iterdir()}


def source_key(document: dict[str, Any]) -> str:
    (pipeline,) = [each for each in document["Resources"].values() if each["Type"] == "AWS::CodePipeline::Pipeline"]
    key: str = pipeline["Properties"]["Stages"][0]["Actions"][0]["Configuration"]["S3ObjectKey"]
    return key


def test_the_asset_holds_the_two_templates_and_nothing_else(assembly: Path, documents: dict[str, Any]) -> None:
    found = shipped(assembly)
    assert sorted(json.dumps(each) for each in found.values()) == sorted(
        json.dumps(endpoint_of(documents, stage)) for stage in ("staging", "production")
    )


def test_each_stage_deploys_its_own_template(assembly: Path, documents: dict[str, Any]) -> None:
    found = shipped(assembly)
    for stage in ("Staging", "Production"):
        artifact, _, file = stages_of(documents)[stage]["Deploy"]["Configuration"]["TemplatePath"].partition("::")
        assert artifact == "Templates"
        assert found[file]["Resources"]["Endpoint"]["Properties"]["EndpointName"] == f"skin-lesion-{stage.lower()}"


def test_a_template_needs_no_bootstrap_and_names_no_account(documents: dict[str, Any]) -> None:
    for stage in ("staging", "production"):
        template = endpoint_of(documents, stage)
        assert "Rules" not in template
        assert "BootstrapVersion" not in template["Parameters"]
        assert not re.search(r"(?<![0-9])[0-9]{12}(?![0-9])", json.dumps(template["Resources"]))
        assert "cdk-hnb659fds" not in json.dumps(template)


def test_what_costs_money_bears_the_budgets_tag(documents: dict[str, Any]) -> None:
    """Tags of the application do not reach into a stage of their own accord."""
    for stage in ("staging", "production"):
        endpoint = endpoint_of(documents, stage)["Resources"]["Endpoint"]["Properties"]
        assert {"Key": "project", "Value": "skin-lesion"} in endpoint["Tags"]


def test_deploying_every_stack_deploys_no_endpoint(assembly: Path) -> None:
    """`cdk deploy --all` takes the stacks of the assembly itself, and an endpoint costs money from its first minute."""
    manifest = json.loads((assembly / "manifest.json").read_text())
    stacks = {name for name, each in manifest["artifacts"].items() if each["type"] == "aws:cloudformation:stack"}
    assert "Deployment" in stacks
    assert not [name for name in stacks if name.startswith("Endpoints")]
