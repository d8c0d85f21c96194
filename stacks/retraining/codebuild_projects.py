# SPDX-License-Identifier: MIT-0
"""The two CodeBuild projects: one deploys a push after its checks, the other reviews a CodeCommit pull request.

Both run make targets from the lock files. The review comments on infrastructure changes, then checks and tests. It runs
code that nobody has reviewed yet, so its role can only fetch that repository and comment on its pull requests; it can
deploy nothing. Sources: CodeBuild User Guide, "Build specification reference" and "Docker images provided by
CodeBuild"; CodeCommit User Guide, "Monitoring CodeCommit events in Amazon EventBridge".
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aws_cdk import (
    DefaultStackSynthesizer,
    Duration,
    RemovalPolicy,
    Stack,
    aws_codebuild,
    aws_codecommit,
    aws_events,
    aws_iam,
    aws_logs,
    aws_sqs,
)
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from stacks.constructs import artifact_access
from stacks.constructs.iam_statements import create_event_role, grant_actions, service_actions
from stacks.constructs.vpc_network import ExecutionRole
from stacks.settings import stage_placement
from stacks.settings.deployment_settings import AwsEnvironment, Settings
from stacks.settings.settings_context import context_of_settings
from stacks.storage.lambda_function import log_retention
from stacks.storage.storage_stack import StorageStack

SETTINGS_VARIABLE: Final = "SETTINGS"
BUILD_TIMEOUT: Final = Duration.minutes(90)
_QUEUE_TIMEOUT: Final = Duration.hours(2)
BUILD_NODE_VERSION: Final = "22"
# The Makefile installs everything else from the lock files, without root: local/runners/mxnet_libraries.py.
_INSTALL_PHASE: Final = {"runtime-versions": {"python": "3.11", "nodejs": BUILD_NODE_VERSION}}
DEPLOY_COMMANDS: Final = (
    # What CodePipeline hands over is a zip without a repository, and the tests ask git which files are ours.
    "git init --quiet && git add --all",
    "make check test",
    # The settings of the command that deployed last, so that a push does not take them back.
    f'printf "%s" "${SETTINGS_VARIABLE}" > cdk.context.json',
    "make deploy-ci",
)
# As Service Quotas calls what `environment` runs on; in a new account it may be 0.
BUILDS_QUOTA: Final = "Concurrently running builds for Linux/Medium environment"
_BOOTSTRAP_ROLES: Final = ("deploy", "file-publishing", "image-publishing", "lookup")


class BuildRole(ExecutionRole):
    """The role of a CodeBuild project: writes its log. Its owner adds what the build's commands need."""

    def __init__(
        self, scope: Construct, id_: str, *, settings: Settings, log: aws_logs.LogGroup, description: str
    ) -> None:
        super().__init__(scope, id_, settings=settings, service="codebuild", description=description)
        grant_actions(self, "logs:CreateLogStream", "logs:PutLogEvents", on=[log.log_group_arn])


def create_deploy_project(
    scope: Construct, *, settings: Settings, storage: StorageStack, pipeline: str
) -> aws_codebuild.PipelineProject:
    """Return the project that checks, tests and deploys what was pushed.

    Its role reads the artifacts of `pipeline` and assumes the CDK's bootstrap roles wherever this application's stacks
    are, no other role.
    """
    log = create_build_log(scope, "BuildLog", settings=settings, storage=storage)
    role = BuildRole(
        scope, "BuildRole", settings=settings, log=log, description="Checks, tests and deploys what was pushed"
    )
    artifact_access.grant_read_artifacts(role, storage, artifact_access.artifact_prefix(pipeline))
    grant_actions(role, "sts:AssumeRole", on=bootstrap_role_arns(scope, settings))
    chosen = json.dumps(context_of_settings(settings), sort_keys=True)
    project = aws_codebuild.PipelineProject(
        scope,
        "Build",
        description="make check test deploy-ci",
        build_spec=create_build_spec(DEPLOY_COMMANDS),
        environment_variables={SETTINGS_VARIABLE: aws_codebuild.BuildEnvironmentVariable(value=chosen)},
        # Only a privileged build can build the preprocessing image.
        environment=build_environment(privileged=True),
        **build_project_options(role, log, storage),
    )
    project.node.add_dependency(role)
    return project


def create_build_spec(commands: Sequence[str], **env: Any) -> aws_codebuild.BuildSpec:
    """Return the specification of a build that installs what the Makefile asks for and runs `commands`."""
    phases = {"install": _INSTALL_PHASE, "build": {"commands": list(commands)}}
    return aws_codebuild.BuildSpec.from_object({"version": "0.2", "env": {"shell": "bash", **env}, "phases": phases})


def build_environment(*, privileged: bool) -> aws_codebuild.BuildEnvironment:
    """Return where builds run: four cores, 7 GB, $0.01 a minute."""
    return aws_codebuild.BuildEnvironment(
        build_image=aws_codebuild.LinuxBuildImage.STANDARD_7_0,
        compute_type=aws_codebuild.ComputeType.MEDIUM,
        privileged=privileged,
    )


def build_project_options(role: aws_iam.Role, log: aws_logs.LogGroup, storage: StorageStack) -> Mapping[str, Any]:
    """Return what both projects have in common."""
    written = aws_codebuild.CloudWatchLoggingOptions(log_group=log)
    return {
        "role": artifact_access.role_without_updates(role),
        "encryption_key": storage.key,
        "logging": aws_codebuild.LoggingOptions(cloud_watch=written),
        "timeout": BUILD_TIMEOUT,
        "queued_timeout": _QUEUE_TIMEOUT,
        "grant_report_group_permissions": False,
    }


def create_build_log(scope: Construct, id_: str, *, settings: Settings, storage: StorageStack) -> aws_logs.LogGroup:
    """Return an encrypted log group for a project."""
    kept = log_retention(settings)
    return aws_logs.LogGroup(
        scope, id_, retention=kept, encryption_key=storage.key, removal_policy=RemovalPolicy.DESTROY
    )


def bootstrap_role_arns(scope: Construct, settings: Settings) -> list[str]:
    """Return the ARNs of the roles that `cdk bootstrap` made wherever stacks are, one for each thing `cdk deploy` does.

    Another account lets this one in once it has been bootstrapped with --trust (CDK Developer Guide, Bootstrapping).
    """
    stack = Stack.of(scope)
    qualifier = stack.synthesizer.bootstrap_qualifier or DefaultStackSynthesizer.DEFAULT_QUALIFIER
    here = AwsEnvironment(account=stack.account, region=stack.region)
    places = [here, *stage_placement.remote_environments(settings)]
    return [
        f"arn:{stack.partition}:iam::{each.account}:role/cdk-{qualifier}-{role}-role-{each.account}-{each.region}"
        for each in places
        for role in _BOOTSTRAP_ROLES
    ]


PULL_REQUEST_EVENTS: Final = ("pullRequestCreated", "pullRequestSourceBranchUpdated")
# What the build is told of the pull request, and where the event says it.
BUILD_VARIABLES: Final = {
    "PULL_REQUEST": "$.detail.pullRequestId",
    "DESTINATION": "$.detail.destinationReference",
}
_OPERATIONS_COMMAND: Final = ".venv/app/bin/python -m operations"
_BASE_BRANCH: Final = "${DESTINATION#refs/heads/}"
REVIEW_COMMANDS: Final = (
    f'git fetch --quiet origin "{_BASE_BRANCH}"',
    # Where nothing can be compared, the file says so: then there is a comment too, and the build fails after it.
    f'make diff BASE="origin/{_BASE_BRANCH}" ARGS="--output diff.md --exit-zero --longest 10000" || FAILED=1',
    f'{_OPERATIONS_COMMAND} comment --repository "$REPOSITORY" --pull-request "$PULL_REQUEST" --file diff.md',
    "make check test",
    'test -z "${FAILED:-}"',
)
_COMMENT_ACTIONS: Final = (
    "GitPull",
    "GetPullRequest",
    "GetCommentsForPullRequest",
    "PostCommentForPullRequest",
    "UpdateComment",
    "DeleteCommentContent",
)


class PullRequestBuild(Construct):
    """The build and the rule that starts it.

    Attributes:
        project: The CodeBuild project.
    """

    def __init__(
        self, scope: Construct, id_: str, *, settings: Settings, storage: StorageStack, undelivered: aws_sqs.Queue
    ) -> None:
        super().__init__(scope, id_)
        repository = aws_codecommit.Repository.from_repository_name(self, "Repository", settings.source.repository)
        self.project = self._project(settings, storage, repository)
        aws_events.Rule(
            self,
            "PullRequest",
            description="A pull request was opened or its branch was pushed to: review it",
            event_pattern=_pull_request_pattern(repository),
            targets=[
                targets.CodeBuildProject(
                    self.project,
                    event=aws_events.RuleTargetInput.from_object(_start_build_input()),
                    dead_letter_queue=undelivered,
                    event_role=create_event_role(self, "Starts the review of a pull request"),
                )
            ],
        )

    def _project(
        self, settings: Settings, storage: StorageStack, repository: aws_codecommit.IRepository
    ) -> aws_codebuild.Project:
        log = create_build_log(self, "Log", settings=settings, storage=storage)
        role = BuildRole(
            self, "Role", settings=settings, log=log, description="Reviews a pull request; deploys nothing"
        )
        grant_actions(role, *service_actions("codecommit", *_COMMENT_ACTIONS), on=[repository.repository_arn])
        named = aws_codebuild.BuildEnvironmentVariable(value=settings.source.repository)
        project = aws_codebuild.Project(
            self,
            "Build",
            description="Comments on a pull request, then make check test",
            environment_variables={"REPOSITORY": named},
            source=aws_codebuild.Source.code_commit(repository=repository),
            build_spec=create_build_spec(REVIEW_COMMANDS, **{"git-credential-helper": "yes"}),
            environment=build_environment(privileged=False),
            **build_project_options(role, log, storage),
        )
        project.node.add_dependency(role)
        return project


def _pull_request_pattern(repository: aws_codecommit.IRepository) -> aws_events.EventPattern:
    return aws_events.EventPattern(
        source=["aws.codecommit"],
        detail_type=["CodeCommit Pull Request State Change"],
        resources=[repository.repository_arn],
        detail={"event": list(PULL_REQUEST_EVENTS), "pullRequestStatus": ["Open"]},
    )


def _start_build_input() -> dict[str, object]:
    """Return the request, as CodeBuild's StartBuild takes it, that EventBridge makes of the event."""
    value = aws_events.EventField.from_path
    variables = [{"name": name, "type": "PLAINTEXT", "value": value(path)} for name, path in BUILD_VARIABLES.items()]
    return {"sourceVersion": value("$.detail.sourceCommit"), "environmentVariablesOverride": variables}
