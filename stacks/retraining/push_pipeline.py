# SPDX-License-Identifier: MIT-0
"""The pipeline of a push and its source: fetch, check, test, deploy, retrain.

A CodePipeline of type V2, in which a newer push overtakes an older one. Its last stage waits for the retraining and
fails if the gate rejects the model. A push that changes the pipeline itself starts it again, because CloudFormation
cancels the execution that it changes; the second execution finds everything deployed and goes on to the retraining.

The source is a connected Git repository, a CodeCommit repository, or a zip in the raw-data bucket.
A push that changes only documentation deploys and requests a retraining too. The retraining then finds that nothing has
changed and starts nothing; that costs $0.24. A path filter that holds back a push of code and documentation together
would cost a missed retraining. Sources: CodePipeline User Guide, "Action structure reference"; CodeCommit User Guide,
"Monitoring CodeCommit events".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from aws_cdk import aws_codecommit, aws_codeconnections, aws_codepipeline, aws_events, aws_iam, aws_sqs
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.constructs import artifact_access
from stacks.constructs.artifact_access import grant_read_source_object
from stacks.constructs.event_delivery import object_created_pattern
from stacks.constructs.iam_statements import create_event_role, grant_actions, resource_arn, service_actions
from stacks.retraining.codebuild_projects import create_deploy_project
from stacks.retraining.retraining_start import REQUEST_DEFAULTS
from stacks.settings.deployment_settings import Settings, SourceSettings
from stacks.settings.region_support import has_push_source
from stacks.storage.storage_stack import StorageStack

SOURCE_NAMESPACE: Final = "Source"
# The service was renamed, and which of the two names is asked for depends on the connection's age.
_CONNECTION_SERVICES: Final = ("codeconnections", "codestar-connections")
_CODECOMMIT_ACTIONS: Final = (
    "CancelUploadArchive",
    "GetBranch",
    "GetCommit",
    "GetRepository",
    "GetUploadArchiveStatus",
)


@dataclass(frozen=True, kw_only=True)
class PushSource:
    """One source of pushes.

    Attributes:
        action: The action that fetches what was pushed.
        revision: What it calls the commit, as a variable of the pipeline.
        triggers: Triggers of the pipeline itself.
        pattern: Or the event on which EventBridge starts it.
        connection: ARN of the connection if one is made here, else empty.
    """

    action: actions.Action
    revision: str
    triggers: Sequence[aws_codepipeline.TriggerProps] = ()
    pattern: aws_events.EventPattern | None = None
    connection: str = ""


def missing_source_hint(source: SourceSettings) -> str:
    """Return what has to be set so that pushes count, or nothing if they do."""
    if has_push_source(source):
        return ""
    wanted = "owner/name" if source.kind == "codeconnections" else "the name of a CodeCommit repository"
    return f"No push retrains yet: source.repository is empty. To connect one, set it to {wanted} and deploy again."


def create_push_source(
    scope: Construct,
    *,
    settings: Settings,
    storage: StorageStack,
    output: aws_codepipeline.Artifact,
    role: aws_iam.Role,
) -> PushSource:
    """Return the source that `settings` choose, and let `role` read it.

    Args:
        scope: Of what has to be made for it.
        settings: Those of the application.
        storage: Whose raw-data bucket holds the zip, where that is the source.
        output: Receives what was pushed.
        role: What the pipeline runs as.
    """
    options: dict[str, Any] = {"action_name": "Source", "output": output, "variables_namespace": SOURCE_NAMESPACE}
    if settings.source.kind == "codeconnections":
        return _connection_source(scope, settings, role, options)
    if settings.source.kind == "codecommit":
        return _codecommit_source(scope, settings.source, role, options)
    return _bucket_source(settings.source, storage, role, options)


def _connection_source(scope: Construct, settings: Settings, role: aws_iam.Role, options: dict[str, Any]) -> PushSource:
    chosen, made = settings.source, ""
    if not chosen.connection_arn:
        name = f"{settings.name}-{chosen.provider.lower()}"
        made = aws_codeconnections.CfnConnection(
            scope, "Connection", connection_name=name, provider_type=chosen.provider
        ).attr_connection_arn
    connection = chosen.connection_arn or made
    grant_actions(role, *(f"{name}:UseConnection" for name in _CONNECTION_SERVICES), on=[connection])
    owner, _, repository = chosen.repository.rpartition("/")
    action = actions.CodeStarConnectionsSourceAction(
        connection_arn=connection,
        owner=owner,
        repo=repository,
        branch=chosen.branch,
        trigger_on_push=False,
        **options,
    )
    pushes = aws_codepipeline.GitConfiguration(
        source_action=action, push_filter=[aws_codepipeline.GitPushFilter(branches_includes=[chosen.branch])]
    )
    provider = aws_codepipeline.ProviderType.CODE_STAR_SOURCE_CONNECTION
    trigger = aws_codepipeline.TriggerProps(provider_type=provider, git_configuration=pushes)
    return PushSource(action=action, revision=_source_variable("CommitId"), triggers=[trigger], connection=made)


def _codecommit_source(
    scope: Construct, chosen: SourceSettings, role: aws_iam.Role, options: dict[str, Any]
) -> PushSource:
    repository = aws_codecommit.Repository.from_repository_name(scope, "Repository", chosen.repository)
    grant_actions(
        role, *service_actions("codecommit", *_CODECOMMIT_ACTIONS, "UploadArchive"), on=[repository.repository_arn]
    )
    action = actions.CodeCommitSourceAction(
        repository=repository, branch=chosen.branch, trigger=actions.CodeCommitTrigger.NONE, **options
    )
    pattern = aws_events.EventPattern(
        source=["aws.codecommit"],
        detail_type=["CodeCommit Repository State Change"],
        resources=[repository.repository_arn],
        detail={
            "event": ["referenceCreated", "referenceUpdated"],
            "referenceType": ["branch"],
            "referenceName": [chosen.branch],
        },
    )
    return PushSource(action=action, revision=_source_variable("CommitId"), pattern=pattern)


def _bucket_source(
    chosen: SourceSettings, storage: StorageStack, role: aws_iam.Role, options: dict[str, Any]
) -> PushSource:
    grant_read_source_object(role, storage.raw, chosen.key, storage.key)
    action = actions.S3SourceAction(
        bucket=storage.raw, bucket_key=chosen.key, trigger=actions.S3Trigger.NONE, **options
    )
    pattern = object_created_pattern(storage.raw.bucket_name, [chosen.key])
    # A zip has no commit; the version of the object says as exactly what was built.
    return PushSource(action=action, revision=_source_variable("VersionId"), pattern=pattern)


def _source_variable(name: str) -> str:
    return f"#{{{SOURCE_NAMESPACE}.{name}}}"


class PushPipeline(Construct):
    """The pipeline from a push to the outcome of its retraining.

    Attributes:
        name: Its name.
        project: The CodeBuild project that checks, tests and deploys.
        pipeline: The CodePipeline.
        connection: ARN of the connection if one was made, which its owner has to complete; else empty.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        storage: StorageStack,
        machine: sfn.StateMachine,
        undelivered: aws_sqs.Queue,
    ) -> None:
        super().__init__(scope, id_)
        self.name = artifact_access.codepipeline_name(settings, "source")
        role = self._role(storage)
        pushed = aws_codepipeline.Artifact("Pushed")
        chosen = create_push_source(self, settings=settings, storage=storage, output=pushed, role=role)
        self.connection = chosen.connection
        self.project = create_deploy_project(self, settings=settings, storage=storage, pipeline=self.name)
        self._allow(role, machine)
        build = actions.CodeBuildAction(action_name="Build", project=self.project, input=pushed)
        retrain = _retrain_action(machine, chosen.revision)
        stages = {"Source": chosen.action, "Build": build, "Retrain": retrain}
        self.pipeline = aws_codepipeline.Pipeline(
            self,
            "Pipeline",
            pipeline_name=self.name,
            pipeline_type=aws_codepipeline.PipelineType.V2,
            execution_mode=aws_codepipeline.ExecutionMode.SUPERSEDED,
            restart_execution_on_update=True,
            role=artifact_access.role_without_updates(role),
            use_pipeline_role_for_actions=True,
            artifact_bucket=storage.artifacts,
            triggers=list(chosen.triggers),
            stages=[aws_codepipeline.StageProps(stage_name=name, actions=[each]) for name, each in stages.items()],
        )
        self.pipeline.node.add_dependency(role)
        if chosen.pattern:
            self._start_on(chosen.pattern, undelivered)

    def _role(self, storage: StorageStack) -> aws_iam.Role:
        codepipeline = aws_iam.ServicePrincipal("codepipeline.amazonaws.com")
        role = aws_iam.Role(
            self, "Role", assumed_by=codepipeline, description="Fetches what was pushed, builds it and retrains"
        )
        artifact_access.grant_artifact_exchange(
            role, storage.artifacts, storage.key, artifact_access.artifact_prefix(self.name)
        )
        return role

    def _allow(self, role: aws_iam.Role, machine: sfn.StateMachine) -> None:
        builds = ("BatchGetBuilds", "StartBuild", "StopBuild")
        grant_actions(role, *service_actions("codebuild", *builds), on=[self.project.project_arn])
        starts = ("DescribeStateMachine", "StartExecution")
        grant_actions(role, *service_actions("states", *starts), on=[machine.state_machine_arn])
        executions = resource_arn("states", f"execution:{machine.state_machine_name}:*")
        grant_actions(role, "states:DescribeExecution", on=[executions])

    def _start_on(self, pattern: aws_events.EventPattern, undelivered: aws_sqs.Queue) -> None:
        caller = create_event_role(self, "Starts the pipeline of pushes")
        aws_events.Rule(
            self,
            "Pushed",
            description="Something was pushed: deploy and retrain",
            event_pattern=pattern,
            targets=[targets.CodePipeline(self.pipeline, dead_letter_queue=undelivered, event_role=caller)],
        )


def _retrain_action(machine: sfn.StateMachine, revision: str) -> actions.StepFunctionInvokeAction:
    given = REQUEST_DEFAULTS | {"commit": revision, "reason": "push"}
    return actions.StepFunctionInvokeAction(
        action_name="Retrain", state_machine=machine, state_machine_input=actions.StateMachineInput.literal(given)
    )
