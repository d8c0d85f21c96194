# SPDX-License-Identifier: MIT-0
"""The review of a CodeCommit pull request: started by the documented events, comments, and deploys nothing."""

import json
import re
from typing import Any

import pytest
from click.testing import CliRunner

from operations.__main__ import main
from operations.commands.review_comment import COMMENT_LIMIT_BYTES
from tests.proof.sample import ACCOUNT, REGION
from tests.stacks.pattern import matches, transformed
from tests.stacks.retraining import Document, allowed, commands, documents_of, part, parts, specification


def changed(repository: str = "lesions", event: str = "pullRequestCreated", **more: Any) -> dict[str, Any]:
    """CodeCommit User Guide, "Monitoring CodeCommit events in Amazon EventBridge", pullRequestCreated event."""
    detail = {
        "author": f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/Mary_Major",
        "callerUserArn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/Mary_Major",
        "destinationCommit": "12241970EXAMPLE",
        "destinationReference": "refs/heads/main",
        "event": event,
        "isMerged": "False",
        "pullRequestId": "17",
        "pullRequestStatus": "Open",
        "repositoryNames": [repository],
        "revisionId": "bdc0cb9b4EXAMPLE",
        "sourceCommit": "2774290EXAMPLE",
        "sourceReference": "refs/heads/test-branch",
        "title": "My Example Pull Request",
    }
    return {
        "version": "0",
        "id": "98377d67-EXAMPLE",
        "detail-type": "CodeCommit Pull Request State Change",
        "source": "aws.codecommit",
        "account": ACCOUNT,
        "time": "2026-11-09T07:15:16Z",
        "region": REGION,
        "resources": [f"arn:aws:codecommit:{REGION}:{ACCOUNT}:{repository}"],
        "detail": detail | more,
    }


@pytest.fixture(scope="module")
def documents() -> dict[str, Document]:
    return documents_of("codecommit")


@pytest.fixture(scope="module")
def rule(documents: dict[str, Document]) -> dict[str, Any]:
    return part(documents, "AWS::Events::Rule", "ReviewPullRequest")


@pytest.mark.parametrize(
    ("event", "starts"),
    [
        (changed(), True),
        (changed(event="pullRequestSourceBranchUpdated"), True),
        (changed(event="pullRequestStatusChanged"), False),
        (changed(event="pullRequestSourceBranchUpdated", pullRequestStatus="Closed"), False),
        (changed(event="pullRequestMergeStatusUpdated", isMerged="True"), False),
        (changed("another"), False),
    ],
)
def test_opening_and_pushing_to_one_starts_a_review(
    rule: dict[str, Any], event: dict[str, Any], *, starts: bool
) -> None:
    assert matches(rule["EventPattern"], event) is starts


def test_the_build_gets_the_commit_and_every_variable_that_its_commands_use(
    documents: dict[str, Document], rule: dict[str, Any]
) -> None:
    asked = json.loads(transformed(rule["Targets"][0], changed()))
    assert asked["sourceVersion"] == "2774290EXAMPLE"
    given = {each["name"]: each["value"] for each in asked["environmentVariablesOverride"]}
    assert given == {"PULL_REQUEST": "17", "DESTINATION": "refs/heads/main"}
    fixed = part(documents, "AWS::CodeBuild::Project", "ReviewBuild")["Environment"]["EnvironmentVariables"]
    known = given.keys() | {each["Name"] for each in fixed}
    used = set(re.findall(r"\$\{?([A-Z_]+)(?!:-)\b", " ".join(commands(documents, "ReviewBuild")))) - {"FAILED"}
    assert used == known


def test_it_compares_with_the_branch_that_it_goes_into_and_comments_before_it_tests(
    documents: dict[str, Document],
) -> None:
    words = commands(documents, "ReviewBuild")
    assert any(line.startswith('git fetch --quiet origin "${DESTINATION#refs/heads/}"') for line in words)
    assert any(line.startswith('make diff BASE="origin/${DESTINATION#refs/heads/}"') for line in words)
    comment = next(number for number, line in enumerate(words) if " comment " in line)
    assert comment < words.index("make check test")
    assert specification(documents, "ReviewBuild")["env"]["git-credential-helper"] == "yes"


def test_the_text_is_made_to_fit_a_comment_of_codecommit(documents: dict[str, Document]) -> None:
    (longest,) = re.findall(r"--longest (\d+)", " ".join(commands(documents, "ReviewBuild")))
    assert int(longest) <= COMMENT_LIMIT_BYTES


def test_the_comment_command_is_one_that_operations_has(documents: dict[str, Document]) -> None:
    (line,) = [line for line in commands(documents, "ReviewBuild") if " comment " in line]
    wanted = CliRunner().invoke(main, ["comment", "--help"]).output
    assert all(option in wanted for option in re.findall(r"--[a-z-]+", line))


def test_it_can_fetch_and_comment_in_that_repository_and_deploy_nothing(documents: dict[str, Document]) -> None:
    given = allowed(documents, "ReviewRole")
    ours = {f"arn:aws:codecommit:{REGION}:{ACCOUNT}:lesions"}
    assert {action for action, places in given.items() if places == ours} == {
        "codecommit:GitPull",
        "codecommit:GetPullRequest",
        "codecommit:GetCommentsForPullRequest",
        "codecommit:PostCommentForPullRequest",
        "codecommit:UpdateComment",
        "codecommit:DeleteCommentContent",
    }
    assert {action.partition(":")[0] for action in given} == {"codecommit", "logs"}
    assert part(documents, "AWS::CodeBuild::Project", "ReviewBuild")["Environment"]["PrivilegedMode"] is False


@pytest.mark.parametrize("kind", ["codeconnections", "s3", "none"])
def test_other_sources_have_no_review_here(kind: str) -> None:
    found = parts(documents_of(kind), "AWS::CodeBuild::Project")
    assert [each.id for each in found if each.id.startswith("Review")] == []
