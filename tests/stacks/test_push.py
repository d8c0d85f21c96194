# SPDX-License-Identifier: MIT-0
"""What a push goes through, for each kind of source, and what the builds may do."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App
from aws_cdk.assertions import Annotations, Match

from stacks.retraining.codebuild_projects import SETTINGS_VARIABLE
from stacks.retraining.retraining_stack import RetrainingStack
from stacks.retraining.retraining_start import REQUEST_DEFAULTS
from stacks.settings.settings_context import context_of_settings, settings_from_context
from stacks.settings.settings_validation import validate_settings
from stacks.storage.storage_stack import StorageStack
from stacks.training.training_stack import TrainingStack
from tests.assembly import FLAGS, ROOT
from tests.proof.sample import ACCOUNT, REGION
from tests.stacks.retraining import (
    CONNECTION,
    VARIANTS,
    actions,
    allowed,
    commands,
    documents_of,
    part,
    parts,
    specification,
)

SOURCES = ("codeconnections", "codecommit", "s3")
_VARIABLE = re.compile(r"#\{(\w+)\.(\w+)\}")
# What a source action says of what it fetched: CodePipeline User Guide, "Variables available for pipeline actions".
VARIABLES = {
    "CodeStarSourceConnection": {"AuthorDate", "BranchName", "CommitId", "CommitMessage", "ConnectionArn"},
    "CodeCommit": {"AuthorDate", "BranchName", "CommitId", "CommitMessage", "CommitterDate", "RepositoryName"},
    "S3": {"BucketName", "ETag", "ObjectKey", "VersionId"},
}


@pytest.mark.parametrize("kind", SOURCES)
def test_it_is_fetched_built_and_trained_on_in_that_order(kind: str) -> None:
    pipeline = part(documents_of(kind), "AWS::CodePipeline::Pipeline")
    assert (pipeline["PipelineType"], pipeline["ExecutionMode"]) == ("V2", "SUPERSEDED")
    assert [stage["Name"] for stage in pipeline["Stages"]] == ["Source", "Build", "Retrain"]
    (made,) = actions(documents_of(kind))["Source"]["OutputArtifacts"]
    assert actions(documents_of(kind))["Build"]["InputArtifacts"] == [made]


@pytest.mark.parametrize("kind", SOURCES)
def test_the_retraining_is_told_the_commit_by_a_variable_that_the_source_has(kind: str) -> None:
    source, retrain = (actions(documents_of(kind))[name] for name in ("Source", "Retrain"))
    given = json.loads(retrain["Configuration"]["Input"])
    assert given | {"commit": ""} == REQUEST_DEFAULTS | {"reason": "push"}
    namespace, variable = _VARIABLE.fullmatch(given["commit"]).groups()  # type: ignore[union-attr]
    assert namespace == source["Namespace"]
    assert variable in VARIABLES[source["ActionTypeId"]["Provider"]]


@pytest.mark.parametrize("kind", SOURCES)
def test_only_pushes_to_the_branch_start_it_and_nobody_polls(kind: str) -> None:
    pipeline = part(documents_of(kind), "AWS::CodePipeline::Pipeline")
    configuration = actions(documents_of(kind))["Source"]["Configuration"]
    started = [trigger["GitConfiguration"] for trigger in pipeline.get("Triggers", [])]
    rules = [each for each in parts(documents_of(kind), "AWS::Events::Rule") if each.id.startswith("PushPushed")]
    assert len(started) + len(rules) == 1
    assert not configuration.get("PollForSourceChanges")
    assert not configuration.get("DetectChanges")
    if started:
        assert started == [{"SourceActionName": "Source", "Push": [{"Branches": {"Includes": ["main"]}}]}]


def test_a_connection_is_made_unless_one_is_given() -> None:
    made = documents_of("codeconnections")
    assert part(made, "AWS::CodeConnections::Connection")["ProviderType"] == "GitHub"
    assert "Connection" in made["Retraining"]["Outputs"]
    given = documents_of("given connection")
    assert parts(given, "AWS::CodeConnections::Connection") == []
    assert actions(given)["Source"]["Configuration"]["ConnectionArn"] == CONNECTION
    for documents in (made, given):
        connection = actions(documents)["Source"]["Configuration"]["ConnectionArn"]
        for service in ("codeconnections", "codestar-connections"):
            assert allowed(documents, "PushRole")[f"{service}:UseConnection"] == {connection}


def test_without_a_repository_there_is_no_pipeline_and_a_hint_how_to_connect_one() -> None:
    assert parts(documents_of("none"), "AWS::CodePipeline::Pipeline") == []
    app = App(context=FLAGS, analytics_reporting=False)
    settings = validate_settings(settings_from_context({}))
    storage = StorageStack(app, "Storage", settings=settings)
    training = TrainingStack(app, "Training", settings=settings, storage=storage)
    stack = RetrainingStack(app, "Retraining", settings=settings, storage=storage, training=training)
    found = Annotations.from_stack(stack)
    found.has_info("*", Match.string_like_regexp("source.repository is empty.*owner/name"))
    found.has_no_warning("*", Match.any_value())


def test_the_build_checks_and_tests_before_it_deploys() -> None:
    words = " ; ".join(commands(documents_of("codeconnections"), "PushBuild"))
    assert words.index("make check test") < words.index("make deploy-ci")
    assert specification(documents_of("codeconnections"), "PushBuild")["phases"]["install"]["runtime-versions"] == {
        "python": "3.11",
        "nodejs": "22",
    }


def test_every_verb_that_a_build_calls_is_one_of_the_makefile() -> None:
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    spoken = [*commands(documents_of("codecommit"), "PushBuild"), *commands(documents_of("codecommit"), "ReviewBuild")]
    words = [shlex.split(line.partition("||")[0]) for line in spoken if line.startswith("make ")]
    called = {word for line in words for word in line[1:] if "=" not in word}
    assert called == {"check", "test", "deploy-ci", "diff"}
    assert called <= known


def test_the_build_deploys_with_the_settings_that_were_deployed_last(tmp_path: Path) -> None:
    """Its command is run: what it leaves for the CDK is what the settings differ in, quotes and all."""
    documents = documents_of("quoted")
    (variable,) = part(documents, "AWS::CodeBuild::Project")["Environment"]["EnvironmentVariables"]
    assert variable["Name"] == SETTINGS_VARIABLE
    (write,) = [line for line in commands(documents, "PushBuild") if SETTINGS_VARIABLE in line]
    # What the shell would put in place of an unquoted * or ? of a schedule.
    (tmp_path / "a").touch()
    bash = shutil.which("bash")
    assert bash
    subprocess.run([bash, "-c", write], cwd=tmp_path, env={SETTINGS_VARIABLE: variable["Value"]}, check=True)
    left: dict[str, Any] = json.loads((tmp_path / "cdk.context.json").read_text())
    assert settings_from_context(left) == settings_from_context(VARIANTS["quoted"])
    assert context_of_settings(settings_from_context({})) == {}


def test_the_build_becomes_the_cdks_roles_and_no_other() -> None:
    given = allowed(documents_of("codeconnections"), "PushBuildRole")
    roles = ("deploy", "file-publishing", "image-publishing", "lookup")
    prefix = f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds"
    assert given["sts:AssumeRole"] == {f"{prefix}-{role}-role-{ACCOUNT}-{REGION}" for role in roles}
    services = {action.partition(":")[0] for action in given}
    assert services == {"sts", "logs", "s3", "kms"}
    assert not {action for action in given if re.search("Put(?!LogEvents)|Delete|Encrypt|Generate", action)}


@pytest.mark.parametrize("kind", SOURCES)
def test_the_pipeline_may_do_what_its_actions_need_and_nothing_unnamed(kind: str) -> None:
    given = allowed(documents_of(kind), "PushRole")
    assert {"codebuild:StartBuild", "states:StartExecution", "states:DescribeExecution"} <= set(given)
    assert not [action for action in given if "*" in action]
    assert not [place for places in given.values() for place in places if place == "*"]


@pytest.mark.parametrize("kind", SOURCES)
def test_a_build_ends_in_time_and_its_log_and_artifacts_are_encrypted(kind: str) -> None:
    for project in parts(documents_of(kind), "AWS::CodeBuild::Project"):
        assert project.properties["TimeoutInMinutes"] == 90
        assert project.properties["EncryptionKey"].startswith("arn:aws:kms:")
        assert project.properties["LogsConfig"]["CloudWatchLogs"]["Status"] == "ENABLED"
    store = part(documents_of(kind), "AWS::CodePipeline::Pipeline")["ArtifactStore"]
    assert store["EncryptionKey"]["Type"] == "KMS"
