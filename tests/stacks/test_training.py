# SPDX-License-Identifier: MIT-0
"""TrainingStack: the pipeline that is deployed is the one that runs locally, in roles that can do nothing else."""

import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App
from aws_cdk.assertions import Match, Template

from pipeline_src import contract, gate_thresholds
from pipeline_src.algorithms.algorithm_specification import JOBS_IMAGE, AlgorithmSpecification
from pipeline_src.algorithms.algorithm_table import ALGORITHMS
from pipeline_src.definition.pipeline import definition_json
from pipeline_src.definition.pipeline_deployment import OFFLINE_DEPLOYMENT
from stacks.settings.deployment_settings import TrainingSettings
from stacks.settings.settings_context import settings_from_context
from stacks.settings.settings_validation import validate_settings
from stacks.storage.storage_stack import StorageStack
from stacks.training.training_stack import TrainingStack, parameter_defaults
from tests.assembly import FLAGS, ROOT, Assembled, templates_in

_JOBS = ("AbortMultipartUpload", "GetBucketLocation", "GetObject", "ListBucket", "PutObject")


@pytest.fixture(scope="module")
def training(templates: dict[str, Template]) -> Template:
    return templates["Training"]


def body(template: dict[str, Any]) -> str:
    """Return the pipeline's definition, what is known only in the account as its JSON."""
    resources = template["Resources"].values()
    (pipeline,) = [each for each in resources if each["Type"] == "AWS::SageMaker::Pipeline"]
    parts = pipeline["Properties"]["PipelineDefinition"]["PipelineDefinitionBody"]["Fn::Join"][1]
    return "".join(part if isinstance(part, str) else json.dumps(part).replace('"', "'") for part in parts)


def without_values(document: Any) -> Any:
    """Return `document` with each string in it empty but for names, types and functions."""
    if isinstance(document, dict):
        return {key: without_values(value) for key, value in document.items()}
    if isinstance(document, list):
        return [without_values(value) for value in document]
    return "" if isinstance(document, str) else document


def test_the_deployed_definition_is_the_one_that_runs_locally(documents: dict[str, Any]) -> None:
    """Step for step; only names of the account differ."""
    network = {"SecurityGroupIds": [""], "Subnets": ["", ""]}  # as many as tests/assembly.py has
    deployed = json.loads(body(documents["Training"]))
    local = json.loads(definition_json(replace(OFFLINE_DEPLOYMENT, network=network)))
    assert [each["Name"] for each in deployed["Parameters"]] == [each["Name"] for each in local["Parameters"]]
    assert without_values(deployed["Steps"]) == without_values(local["Steps"])


def test_the_definition_names_this_deployments_buckets_and_key(documents: dict[str, Any]) -> None:
    text = body(documents["Training"])
    for construct in ("RefRaw", "RefRuns", "FnGetAttKey"):
        assert f"Fn::ImportValue': 'skin-lesion-storage:ExportsOutput{construct}" in text
    assert "000000000000" not in text
    assert "stand-in" not in text


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=ALGORITHMS)
def test_the_definition_names_the_images_of_the_algorithm_in_this_account_and_region(
    algorithm: AlgorithmSpecification, tmp_path: Path
) -> None:
    """Those that `cdk deploy` builds and those that AWS keeps; the template knows AWS's account in each region."""
    settings = validate_settings(settings_from_context({"training.algorithm": algorithm.name}))
    app = App(context=FLAGS, outdir=str(tmp_path), analytics_reporting=False)
    TrainingStack(app, "Training", settings=settings, storage=StorageStack(app, "Storage", settings=settings))
    app.synth()
    template, assets = templates_in(tmp_path)["Training"], json.loads((tmp_path / "Training.assets.json").read_text())
    tags = {each["source"]["dockerFile"]: tag for tag, each in assets["dockerImages"].items()}
    wanted = {JOBS_IMAGE, *algorithm.images}
    assert tags.keys() == {f"containers/{each.folder}/Dockerfile" for each in wanted if each.is_built}
    text = body(template)
    for image in wanted:
        pushed = f":{tags[f'containers/{image.folder}/Dockerfile']}" if image.is_built else ""
        assert (pushed or f"/{image.repository}:{image.tag}") in text
    bought = [each for each in algorithm.images if not each.is_built]
    tables = list(template.get("Mappings", {}).values())
    assert tables == [{region: {"account": name} for region, name in each.accounts.items()} for each in bought]
    assert template["Outputs"]["Algorithm"]["Value"] == algorithm.name


def test_the_settings_choose_the_defaults_of_the_parameters(assembled: Assembled) -> None:
    context = {"training.gate_profile": "demo", "training.train_instance": "ml.c5.xlarge", "training.spot": "true"} | {
        "training.near_duplicates": "fail"
    }
    document = json.loads(body(templates_in(assembled(context))["Training"]))
    defaults = {each["Name"]: each["DefaultValue"] for each in document["Parameters"]}
    assert defaults["TrainInstanceType"] == "ml.c5.xlarge"
    assert defaults["NearDuplicates"] == "fail"
    demo = asdict(gate_thresholds.THRESHOLD_PROFILES["demo"])
    assert {name: defaults[parameter] for name, parameter in gate_thresholds.THRESHOLD_PARAMETERS.items()} == demo
    train = next(each for each in document["Steps"] if each["Name"] == "Train")
    assert train["Arguments"]["EnableManagedSpotTraining"] is True


def test_every_default_of_the_settings_is_a_parameter_of_the_pipeline() -> None:
    document = json.loads(definition_json(OFFLINE_DEPLOYMENT))
    defaults = {each["Name"]: each["DefaultValue"] for each in document["Parameters"]}
    chosen = parameter_defaults(TrainingSettings())
    assert {name: defaults[name] for name in chosen} == chosen


def test_the_registries_of_aws_are_those_of_the_sdk() -> None:
    bought = [image for each in ALGORITHMS.values() for image in each.images if not image.is_built]
    assert bought
    for image in bought:
        name = f"sagemaker/core/image_uri_config/{image.repository}.json"
        (path,) = (ROOT / ".venv/app/lib").glob(f"python3*/site-packages/{name}")
        known = json.loads(path.read_text())["versions"][image.tag]
        assert known["registries"] == image.accounts
        assert known["repository"] == image.repository


def test_the_image_changes_with_what_enters_it_and_with_nothing_else(assembly: Path) -> None:
    staged = {
        str(path.relative_to(folder))
        for folder in assembly.glob("asset.*")
        if (folder / "containers").exists()
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert {path.split("/")[0] for path in staged} == {".dockerignore", "containers", "pipeline_src"}
    assert not any(name in path for path in staged for name in ("pipeline_src/definition", "__pycache__"))
    assert "pipeline_src/dataset/archive_pass.py" in staged


def test_the_jobs_may_read_archives_and_write_their_runs(training: Template) -> None:
    statements = _statements(training, "JobRoleDefaultPolicy")
    objects = {
        action: [json.dumps(resource) for resource in _list(each["Resource"])]
        for each in statements
        for action in _list(each["Action"])
        if action.startswith("s3:")
    }
    assert set(objects) == {f"s3:{verb}" for verb in _JOBS}
    assert all("/runs/*" in each or "/checkpoints/*" in each for each in objects["s3:PutObject"])
    assert not any("Delete" in action for each in statements for action in _list(each["Action"]))


def test_the_object_that_says_that_there_is_no_champion_is_deployed_with_the_definition_that_names_it(
    assembly: Path, documents: dict[str, Any]
) -> None:
    """It is the file that the jobs know, published under the key that is the parameter's default."""
    published = json.loads((assembly / "Training.assets.json").read_text())["files"].values()
    files = {
        place["objectKey"]: each["source"]["path"] for each in published for place in each["destinations"].values()
    }
    assert (assembly / files[no_champion(documents)]).read_text() == contract.ABSENT_OBJECT


def test_the_jobs_read_that_object_of_the_deployments_own_and_no_other(
    training: Template, documents: dict[str, Any]
) -> None:
    """The bucket holds what every application in the account was deployed with."""
    wanted = [
        (action, json.dumps(resource).partition("hnb659fds-assets-")[2], each.get("Condition"))
        for each in _statements(training, "JobRole")
        for action in _list(each["Action"])
        for resource in _list(each["Resource"])
        if "hnb659fds-assets-" in json.dumps(resource)
    ]
    place, key = '${AWS::AccountId}-${AWS::Region}"}', no_champion(documents)
    assert sorted(wanted) == [
        ("s3:GetBucketLocation", f"{place}]]}}", None),
        ("s3:GetObject", f'{place}, "/{key}"]]}}', None),
        ("s3:ListBucket", f"{place}]]}}", {"StringLike": {"s3:prefix": [f"{key}*"]}}),
    ]


def no_champion(documents: dict[str, Any]) -> str:
    """Return the key of the object that is named as long as there is no champion."""
    parameters = {each["Name"]: each["DefaultValue"] for each in json.loads(body(documents["Training"]))["Parameters"]}
    (key,) = re.findall(r"[0-9a-f]{64}\.json", parameters[contract.CHAMPION_PREDICTIONS_PARAMETER])
    return str(key)


def test_listing_a_bucket_is_bound_to_the_prefixes(training: Template) -> None:
    for role in ("JobRole", "PipelineRole"):
        for each in _statements(training, role):
            if each["Action"] == "s3:ListBucket":
                assert each["Condition"]["StringLike"]["s3:prefix"]


def test_the_pipeline_hands_its_jobs_no_role_but_theirs(training: Template) -> None:
    (passed,) = [each for each in _statements(training, "PipelineRole") if each["Action"] == "iam:PassRole"]
    role = next(name for name in training.find_resources("AWS::IAM::Role") if name.startswith("JobRole"))
    assert passed["Resource"] == {"Fn::GetAtt": [role, "Arn"]}
    assert passed["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


def test_only_sagemaker_in_this_account_assumes_the_roles(training: Template) -> None:
    for role in training.find_resources("AWS::IAM::Role").values():
        (trust,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "sagemaker.amazonaws.com"}
        assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_the_pipeline_is_called_as_the_settings_say(training: Template, assembled: Assembled) -> None:
    training.has_resource_properties("AWS::SageMaker::Pipeline", {"PipelineName": "skin-lesion"})
    other = templates_in(assembled({"name": "lesions"}))["Training"]
    Template.from_json(other).has_resource_properties(
        "AWS::SageMaker::Pipeline", {"PipelineName": "lesions", "PipelineDefinition": Match.any_value()}
    )


def _statements(template: Template, role: str) -> list[dict[str, Any]]:
    policies = template.find_resources("AWS::IAM::Policy")
    documents = [each["Properties"]["PolicyDocument"] for name, each in policies.items() if name.startswith(role)]
    return [statement for document in documents for statement in document["Statement"]]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
