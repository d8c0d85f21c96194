# SPDX-License-Identifier: MIT-0
"""What is demanded is what is deployed: instances, bootstrap, buckets, connection; the cost is that of the estimate."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aws_cdk import App

from app import build
from pipeline_src.algorithms.algorithm_specification import AlgorithmSpecification
from pipeline_src.algorithms.algorithm_table import ALGORITHMS, DEFAULT_ALGORITHM, find_algorithm
from stacks.costs import cost_estimate, deployment_requirements
from stacks.settings.deployment_settings import Settings
from stacks.settings.settings_context import (
    BOOTSTRAP_QUALIFIER_KEY,
    project_context,
    setting_types,
    settings_from_context,
    toolkit_stack_name,
)
from tests.assembly import CONNECTED, FLAGS, Assembled, templates_in
from tests.proof.intrinsic import resources

TRAINS = Settings().training.train_instance_type
DEFAULT = deployment_requirements.collect_requirements(Settings())
# How Service Quotas calls what a step of a pipeline runs; a new kind of step needs its word here, and its demand.
USAGES = {
    "Processing": "processing job",
    "Training": "training job",
    "Tuning": "training job",
    "Transform": "transform job",
}
TYPE = re.compile(r"\bml\.[a-z0-9-]+\.[a-z0-9]+\b")


class Deployed(NamedTuple):
    """Instances that the templates name."""

    usage: str
    type: str
    count: int
    beside: bool = False


def counts(**context: object) -> dict[tuple[str, str], tuple[int, int]]:
    """What is needed and the most, by usage and type."""
    settings = settings_from_context({key.replace("__", "."): value for key, value in context.items()})
    return {
        (each.usage, each.type): (each.needed, each.most)
        for each in deployment_requirements.list_instance_demands(settings)
    }


def _clusters(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every type and number of instances in a document, however deep."""
    if isinstance(value, dict):
        if "InstanceType" in value:
            yield value["InstanceType"], value.get("InstanceCount", value.get("InitialInstanceCount"))
        for each in value.values():
            yield from _clusters(each)
    elif isinstance(value, list):
        for each in value:
            yield from _clusters(each)


def _steps(steps: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for step in steps:
        yield step
        yield from _steps(
            [*step.get("Arguments", {}).get("IfSteps", []), *step.get("Arguments", {}).get("ElseSteps", [])]
        )


def _pipeline(body: str) -> Iterator[Deployed]:
    definition = json.loads(body)
    defaults = {f"Parameters.{each['Name']}": each.get("DefaultValue") for each in definition["Parameters"]}

    def chosen(value: Any) -> Any:
        return defaults[value["Get"]] if isinstance(value, dict) else value

    for step in _steps(definition["Steps"]):
        if step["Type"] not in ("Condition", "RegisterModel"):  # one holds steps, the other says what a model may use
            for kind, count in _clusters(step):
                yield Deployed(USAGES[step["Type"]], chosen(kind), int(chosen(count)))


@pytest.fixture(scope="module")
def deployed(documents: dict[str, Any]) -> list[Deployed]:
    """All instances of SageMaker that the templates name."""
    found: list[Deployed] = []
    for each in resources(documents):
        if each.kind == "AWS::SageMaker::Pipeline":
            found += _pipeline(each.properties["PipelineDefinition"]["PipelineDefinitionBody"])
        elif each.kind == "AWS::SageMaker::EndpointConfig":
            found += [Deployed("endpoint", kind, int(count)) for kind, count in _clusters(each.properties)]
        else:  # what a function is told, with which it starts a job
            kinds = TYPE.findall(json.dumps(each.properties))
            found += [Deployed("processing job", kind, 1, beside=True) for kind in sorted(set(kinds))]
    return sorted(set(found))


def test_every_instance_type_that_is_deployed_is_demanded_and_no_other(deployed: list[Deployed]) -> None:
    wanted = {key for key in counts() if key[1]}
    assert {(each.usage, each.type) for each in deployed} == wanted
    assert {usage for usage, _ in wanted} == {"processing job", "training job", "transform job", "endpoint"}


def test_as_many_are_demanded_as_are_deployed(deployed: list[Deployed]) -> None:
    """The steps one after the other, and the monitor beside; the endpoints all together, and the largest twice."""
    assert any(each.beside for each in deployed)
    for (usage, kind), (needed, _) in counts().items():
        same = [each for each in deployed if each.usage == usage and kind in ("", each.type)]
        sizes = [each.count for each in same if not each.beside]
        beside = sum(each.count for each in same if each.beside)
        assert needed == beside + (sum(sizes) + max(sizes) if usage == "endpoint" else max(sizes)), (usage, kind)


def test_steps_of_one_type_share_its_quota_because_they_never_run_together_and_the_monitor_may() -> None:
    found = counts(training__evaluate_instance="ml.c5.xlarge")
    assert found["processing job", "ml.c5.xlarge"] == (1, 1)
    assert found["processing job", ""] == (1 + 1, 1 + 1)
    assert found["processing job", "ml.m5.large"] == (1, 1)
    assert counts()["processing job", "ml.m5.large"] == (1 + 1, 1 + 1)


@pytest.mark.parametrize("context", [{"monitor__every": "never"}, {"production__capture_percent": 0}])
def test_where_nothing_is_monitored_no_job_of_it_is_demanded(context: dict[str, object]) -> None:
    assert counts(**context)["processing job", ""] == (1, 1)


def test_spot_capacity_has_a_quota_of_its_own() -> None:
    found = counts(training__spot="true")
    assert found["spot training job", TRAINS] == (1, 1)
    assert ("training job", TRAINS) not in found


def test_instances_that_are_kept_warm_have_a_quota_of_their_own() -> None:
    found = counts(training__keep_warm_seconds=600, training__train_instances=2)
    assert found["training warm pool", TRAINS] == found["training job", TRAINS] == (2, 2)


def test_a_tuning_demands_as_many_as_train_at_the_same_time() -> None:
    found = counts(training__tuning_jobs=6, training__tuning_parallel=3, training__train_instances=2)
    assert found["training job", TRAINS] == (6, 6)
    assert counts(training__tuning_parallel=3)["training job", TRAINS] == (1, 1)


def test_endpoints_of_one_type_share_its_quota_and_the_largest_is_doubled_while_it_is_taken_over() -> None:
    assert counts()["endpoint", "ml.c5.large"] == (1 + 2 + 2, 1 + 4 + 4)
    found = counts(staging__instance="ml.m5.large")
    assert found["endpoint", "ml.m5.large"] == (1 + 1, 1 + 1)
    assert found["endpoint", "ml.c5.large"] == (2 + 2, 4 + 4)
    assert found["endpoint", ""] == (1 + 2 + 2, 1 + 4 + 4)


def test_each_demand_says_whose_it_is_and_which_settings_choose_it() -> None:
    assert {name for each in DEFAULT["instances"] for name in each["setting"].split(", ")} <= setting_types().keys()
    named = {(each["usage"], each["type"]): each["used_by"] for each in DEFAULT["instances"]}
    assert named["processing job", ""] == "Preprocess, Evaluate, monitor"
    assert named["endpoint", "ml.c5.large"] == "staging, production"


@pytest.mark.parametrize("qualifier", ["hnb659fds", "custom1"])
def test_the_bootstrap_is_the_one_that_the_templates_ask_for(qualifier: str, tmp_path: Path) -> None:
    """Of a qualifier that the context names, too: no template names any other."""
    named = {} if qualifier == "hnb659fds" else {BOOTSTRAP_QUALIFIER_KEY: qualifier}
    app = App(context=FLAGS | named, outdir=str(tmp_path), analytics_reporting=False)
    build(app, settings_from_context(CONNECTED))
    assembly = Path(app.synth().directory)
    wanted = deployment_requirements.bootstrap_requirements(named)
    assert wanted["qualifier"] == qualifier
    texts = "".join(path.read_text() for path in assembly.rglob("*.template.json"))
    assert set(re.findall(r"cdk-([a-z0-9]+)-(?:assets|deploy-role|container)", texts)) == {qualifier}
    artifacts = json.loads((assembly / "manifest.json").read_text())["artifacts"].values()
    asking = [each["properties"] for each in artifacts if "requiresBootstrapStackVersion" in each.get("properties", {})]
    assert len(asking) > 5
    assert max(each["requiresBootstrapStackVersion"] for each in asking) == wanted["version"]
    assert {each["bootstrapStackVersionSsmParameter"] for each in asking} == {wanted["parameter"]}
    stored = {each["stackTemplateAssetObjectUrl"].rpartition("/")[0] for each in asking if "templateFile" in each}
    assert stored == {f"s3://{wanted['bucket']}"}


def test_each_bucket_whose_name_a_template_gives_is_named(documents: dict[str, Any]) -> None:
    buckets = [each for each in resources(documents) if each.kind == "AWS::S3::Bucket"]
    assert len(buckets) > 3
    assert {each.properties["BucketName"] for each in buckets if "BucketName" in each.properties} == set(
        deployment_requirements.NAMED_BUCKETS
    )


@pytest.mark.parametrize(
    ("context", "used"),
    [
        ({}, False),
        ({"source.repository": "owner/name"}, True),
        ({"source.kind": "codecommit", "source.repository": "name"}, False),
        ({"source.kind": "s3"}, False),
    ],
)
def test_a_connection_is_used_where_pushes_come_over_one(context: dict[str, str], *, used: bool) -> None:
    assert deployment_requirements.collect_requirements(settings_from_context(context))["connection"]["used"] is used


def test_the_cost_is_that_of_the_estimate_and_scaling_adds_instances_only() -> None:
    assert DEFAULT["cost"]["month"] == pytest.approx(
        cost_estimate.total_dollars(cost_estimate.estimate_month(Settings())), abs=0.005
    )
    assert DEFAULT["cost"]["retraining"] == pytest.approx(
        cost_estimate.total_dollars(cost_estimate.estimate_retraining(Settings())), abs=0.005
    )
    assert DEFAULT["cost"]["scaled"] == pytest.approx(2 * 0.102 * 730)
    assert (DEFAULT["cost"]["uncounted"], DEFAULT["budget"]) == ([], 400)


def test_what_has_no_price_is_named() -> None:
    unknown = deployment_requirements.collect_requirements(
        settings_from_context({"training.train_instance": "ml.c7i.48xlarge"})
    )
    minutes = find_algorithm(DEFAULT_ALGORITHM).typical_minutes
    assert unknown["cost"]["uncounted"] == [f"Train: 1 ml.c7i.48xlarge, {minutes} min"]


def test_no_build_is_demanded_where_no_push_is_built() -> None:
    assert DEFAULT["builds"] is None
    assert (
        deployment_requirements.collect_requirements(settings_from_context({"source.kind": "s3"}))["builds"]["most"]
        == 1
    )


def test_builds_are_demanded_as_the_templates_have_projects(documents: dict[str, Any], assembled: Assembled) -> None:
    """A pull request of CodeCommit is reviewed by a build of its own."""
    reviewed = {"source.kind": "codecommit", "source.repository": "name"}
    cases = [(CONNECTED, documents), (reviewed, templates_in(assembled(reviewed)))]
    for (context, made), most in zip(cases, (1, 2), strict=True):
        projects = [each.properties for each in resources(made) if each.kind == "AWS::CodeBuild::Project"]
        found = deployment_requirements.collect_requirements(settings_from_context(context))["builds"]
        assert (found["needed"], found["most"], len(projects)) == (1, most, most)
        machines = {(each["Environment"]["Type"], each["Environment"]["ComputeType"]) for each in projects}
        assert machines == {("LINUX_CONTAINER", "BUILD_GENERAL1_MEDIUM")}
        assert found["quota"] == "Concurrently running builds for Linux/Medium environment"


def test_the_context_is_read_from_where_the_cdk_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two values the command line's goes first, then cdk.json's, cdk.context.json's, the user's."""
    home, root = tmp_path / "home", tmp_path / "root"
    home.mkdir()
    root.mkdir()
    monkeypatch.setenv("HOME", str(home))
    (home / ".cdk.json").write_text('{"context": {"a": 1, "b": 1, "c": 1, "d": 1}, "toolkitStackName": "Users"}')
    (root / "cdk.context.json").write_text('{"b": 2, "c": 2, "d": 2}')
    (root / "cdk.json").write_text('{"context": {"c": 3, "d": 3}}')
    assert project_context(["d=4", "e=x=y"], root) == {"a": 1, "b": 2, "c": 3, "d": "4", "e": "x=y"}
    assert toolkit_stack_name(root) == "Users"
    (root / "cdk.json").write_text('{"toolkitStackName": "Ours"}')
    assert toolkit_stack_name(root) == "Ours"
    assert toolkit_stack_name(tmp_path / "none") == "Users"


def test_the_command_names_the_bootstrap_of_the_context(capsys: pytest.CaptureFixture[str]) -> None:
    deployment_requirements.main(["--context", f"{BOOTSTRAP_QUALIFIER_KEY}=custom1"])
    found = json.loads(capsys.readouterr().out)["bootstrap"]
    assert found["parameter"] == "/cdk-bootstrap/custom1/version"
    assert found["bucket"].startswith("cdk-custom1-assets-")


def test_the_command_prints_it_for_the_given_settings(capsys: pytest.CaptureFixture[str]) -> None:
    deployment_requirements.main(["--context", "build.account=111111111111", "-c", "build.region=eu-west-1"])
    printed = json.loads(capsys.readouterr().out)
    assert (printed["account"], printed["region"]) == ("111111111111", "eu-west-1")
    assert (printed["algorithm"], printed["algorithm_regions"]) == (DEFAULT_ALGORITHM, [])


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=ALGORITHMS)
def test_an_algorithm_is_demanded_in_the_regions_that_have_its_images(algorithm: AlgorithmSpecification) -> None:
    found = deployment_requirements.collect_requirements(settings_from_context({"training.algorithm": algorithm.name}))
    bought = [set(each.accounts) for each in algorithm.images if not each.is_built]
    assert found["algorithm"] == algorithm.name
    assert set(found["algorithm_regions"]) == (set.intersection(*bought) if bought else set())


def test_by_default_no_gpu_is_deployed_and_no_quota_of_one_demanded(deployed: list[Deployed]) -> None:
    """Families of GPU types begin with g or p: EC2 User Guide, "Accelerated computing instances"."""
    kinds = {each.type for each in deployed} | {kind for _, kind in counts()}
    assert [kind for kind in kinds if kind.startswith(("ml.g", "ml.p"))] == []


def test_the_command_refuses_an_unknown_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        deployment_requirements.main(["--context", "budgt.monthly_usd=1"])
    assert stopped.value.code == 2
    assert "error: context 'budgt.monthly_usd': no such setting." in capsys.readouterr().err
