# SPDX-License-Identifier: MIT-0
"""Reviews a CodeCommit pull request: comments on its infrastructure changes, then checks and tests it.

The build runs code that nobody has reviewed yet, so its role can only fetch that repository and comment on its pull
requests; it can deploy nothing. Source of the event: CodeCommit User Guide, "Monitoring CodeCommit events in Amazon
EventBridge".
"""

from typing import Final

from aws_cdk import aws_codebuild, aws_codecommit, aws_events, aws_sqs
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from stacks.constructs.iam_statements import create_event_role, grant_actions, service_actions
from stacks.retraining.codebuild_projects import (
    BuildRole,
    build_environment,
    build_project_options,
    create_build_log,
    create_build_spec,
)
from stacks.settings.deployment_settings import Settings
from stacks.storage.storage_stack import StorageStack

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
