# SPDX-License-Identifier: MIT-0
"""What CodePipeline's actions take and give: their configuration keys, values and output variables.

CodePipeline takes any text as configuration and finds out when the action runs; no validator knows these.
Source: CodePipeline User Guide, "Action structure reference" and "Variables reference".
"""

from dataclasses import dataclass, field
from typing import Final

# Longest value of one configuration key; buildspecs and commands have limits of their own.
LONGEST: Final = 1000
STACK_MODES: Final = frozenset(
    {"CHANGE_SET_EXECUTE", "CHANGE_SET_REPLACE", "CREATE_UPDATE", "DELETE_ONLY", "REPLACE_ON_FAILURE"}
)
CAPABILITIES: Final = frozenset({"CAPABILITY_AUTO_EXPAND", "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"})


@dataclass(frozen=True)
class Provider:
    """One kind of action.

    Attributes:
        needs: Configuration keys without which the action fails.
        takes: All configuration keys.
        gives: Output variables; None: whatever its configuration or its code says.
        values: Allowed values of keys that have such.
    """

    needs: frozenset[str]
    takes: frozenset[str]
    gives: frozenset[str] | None = frozenset()
    values: dict[str, frozenset[str]] = field(default_factory=dict)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BOOLEAN: Final = frozenset({"true", "false"})
PROVIDERS: Final = {
    "CloudFormation": Provider(
        needs=_words("ActionMode StackName"),
        takes=_words(
            "ActionMode StackName ChangeSetName Capabilities OutputFileName ParameterOverrides RoleArn"
            " TemplateConfiguration TemplatePath"
        ),
        gives=None,
        values={"ActionMode": STACK_MODES},
    ),
    "CodeBuild": Provider(
        needs=_words("ProjectName"),
        takes=_words("ProjectName PrimarySource BatchEnabled BuildspecOverride CombineArtifacts EnvironmentVariables"),
        gives=None,
        values={"BatchEnabled": _BOOLEAN, "CombineArtifacts": _BOOLEAN},
    ),
    "CodeCommit": Provider(
        needs=_words("RepositoryName BranchName"),
        takes=_words("RepositoryName BranchName PollForSourceChanges OutputArtifactFormat"),
        gives=_words("AuthorDate BranchName CommitId CommitMessage CommitterDate RepositoryName"),
        values={
            "PollForSourceChanges": frozenset({"false"}),
            "OutputArtifactFormat": frozenset({"CODE_ZIP", "CODEBUILD_CLONE_REF"}),
        },
    ),
    "CodeStarSourceConnection": Provider(
        needs=_words("ConnectionArn FullRepositoryId BranchName"),
        takes=_words("ConnectionArn FullRepositoryId BranchName OutputArtifactFormat DetectChanges"),
        gives=_words("AuthorDate BranchName CommitId CommitMessage ConnectionArn FullRepositoryName AuthorId"),
        values={"OutputArtifactFormat": frozenset({"CODE_ZIP", "CODEBUILD_CLONE_REF"}), "DetectChanges": _BOOLEAN},
    ),
    "Commands": Provider(needs=frozenset(), takes=frozenset(), gives=None),
    "Lambda": Provider(needs=_words("FunctionName"), takes=_words("FunctionName UserParameters"), gives=None),
    "Manual": Provider(
        needs=frozenset(), takes=_words("CustomData ExternalEntityLink NotificationArn ApproverRoleArns")
    ),
    "S3": Provider(
        needs=_words("S3Bucket S3ObjectKey"),
        takes=_words("S3Bucket S3ObjectKey PollForSourceChanges AllowOverrideForS3ObjectKey"),
        gives=_words("BucketName ETag ObjectKey VersionId"),
        values={"PollForSourceChanges": frozenset({"false"}), "AllowOverrideForS3ObjectKey": _BOOLEAN},
    ),
    "StepFunctions": Provider(
        needs=_words("StateMachineArn"),
        takes=_words("StateMachineArn ExecutionNamePrefix Input InputType"),
        gives=_words("ExecutionArn StateMachineArn"),
        values={"InputType": frozenset({"FilePath", "Literal"})},
    ),
}
# What operations/functions/lambda_handlers.py answers to the delivery pipeline, by its handler's last name.
LAMBDA_GIVES: Final = {
    "smoke": _words("report metrics agreement"),
    "promote": frozenset(),
    "publish": _words("model image"),
}
BUILT_IN: Final = _words("codepipeline.PipelineExecutionId")
