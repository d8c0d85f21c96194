# SPDX-License-Identifier: MIT-0
"""Where pushes come from: a connected Git repository, a CodeCommit repository, or a zip in the raw-data bucket.

A push that touches nothing but documentation deploys and asks for a retraining too. The retraining then finds that
nothing has changed and starts nothing, which costs 0.24 $; a path filter that holds back a push of code and
documentation together would cost a missed retraining. Sources: CodePipeline User Guide, "Action structure reference";
CodeCommit User Guide, "Monitoring CodeCommit events".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from aws_cdk import aws_codecommit, aws_codeconnections, aws_codepipeline, aws_events, aws_iam
from aws_cdk import aws_codepipeline_actions as actions
from constructs import Construct

from stacks.artifact import read_object
from stacks.grant import allow, of
from stacks.region_support import pushes
from stacks.settings import Settings
from stacks.settings import Source as Choice
from stacks.storage import StorageStack
from stacks.trigger import uploaded

NAMESPACE: Final = "Source"
# The service was renamed, and which of the two names is asked for depends on the connection's age.
_CONNECTIONS: Final = ("codeconnections", "codestar-connections")
_ARCHIVE: Final = ("CancelUploadArchive", "GetBranch", "GetCommit", "GetRepository", "GetUploadArchiveStatus")


@dataclass(frozen=True, kw_only=True)
class Source:
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


def missing(source: Choice) -> str:
    """Return what has to be set so that pushes count, or nothing if they do."""
    if pushes(source):
        return ""
    wanted = "owner/name" if source.kind == "codeconnections" else "the name of a CodeCommit repository"
    return f"No push retrains yet: source.repository is empty. To connect one, set it to {wanted} and deploy again."


def source(
    scope: Construct,
    *,
    settings: Settings,
    storage: StorageStack,
    output: aws_codepipeline.Artifact,
    role: aws_iam.Role,
) -> Source:
    """Return the source that `settings` choose, and let `role` read it.

    Args:
        scope: Of what has to be made for it.
        settings: Those of the application.
        storage: Whose raw-data bucket holds the zip, where that is the source.
        output: Receives what was pushed.
        role: What the pipeline runs as.
    """
    options: dict[str, Any] = {"action_name": "Source", "output": output, "variables_namespace": NAMESPACE}
    if settings.source.kind == "codeconnections":
        return _connected(scope, settings, role, options)
    if settings.source.kind == "codecommit":
        return _codecommit(scope, settings.source, role, options)
    return _bucket(settings.source, storage, role, options)


def _connected(scope: Construct, settings: Settings, role: aws_iam.Role, options: dict[str, Any]) -> Source:
    chosen, made = settings.source, ""
    if not chosen.connection_arn:
        name = f"{settings.name}-{chosen.provider.lower()}"
        made = aws_codeconnections.CfnConnection(
            scope, "Connection", connection_name=name, provider_type=chosen.provider
        ).attr_connection_arn
    connection = chosen.connection_arn or made
    allow(role, *(f"{name}:UseConnection" for name in _CONNECTIONS), on=[connection])
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
    return Source(action=action, revision=_variable("CommitId"), triggers=[trigger], connection=made)


def _codecommit(scope: Construct, chosen: Choice, role: aws_iam.Role, options: dict[str, Any]) -> Source:
    repository = aws_codecommit.Repository.from_repository_name(scope, "Repository", chosen.repository)
    allow(role, *of("codecommit", *_ARCHIVE, "UploadArchive"), on=[repository.repository_arn])
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
    return Source(action=action, revision=_variable("CommitId"), pattern=pattern)


def _bucket(chosen: Choice, storage: StorageStack, role: aws_iam.Role, options: dict[str, Any]) -> Source:
    read_object(role, storage.raw, chosen.key, storage.key)
    action = actions.S3SourceAction(
        bucket=storage.raw, bucket_key=chosen.key, trigger=actions.S3Trigger.NONE, **options
    )
    pattern = uploaded(storage.raw.bucket_name, [chosen.key])
    # A zip has no commit; the version of the object says as exactly what was built.
    return Source(action=action, revision=_variable("VersionId"), pattern=pattern)


def _variable(name: str) -> str:
    return f"#{{{NAMESPACE}.{name}}}"
