# SPDX-License-Identifier: MIT-0
"""Mistakes in the CodePipelines, the rules and the state machine: most would show only when they run."""

from typing import Any, Final

from tests.proof.mutation import GONE, Mistake, action, find, prop, remove, word

_DELIVERY: Final = "Deployment CodePipeline::Pipeline"
_PUSH: Final = "Retraining CodePipeline::Pipeline"
_MACHINE: Final = "Retraining StepFunctions::StateMachine"
_NEW_DATA: Final = "Retraining Events::Rule NewData"
_APPROVED: Final = "Deployment Events::Rule Approved"
_DEPLOY: Final = "Staging/Deploy"
_COMMANDS: Final = {"Category": "Compute", "Owner": "AWS", "Provider": "Commands", "Version": "1"}


def _target_without_role(documents: Any) -> None:
    arn = "arn:aws:codepipeline:eu-west-1:111122223333:skin-lesion-delivery"
    find(documents, _APPROVED)["Properties"]["Targets"].append({"Id": "Delivery", "Arn": arn})


def _twice(documents: Any) -> None:
    stages = find(documents, _DELIVERY)["Properties"]["Stages"]
    stages.append(stages[-1])


MISTAKES: Final = (
    Mistake("variable's name", "action", "not a name", prop(_DELIVERY, "Variables/0/Name", "Model Package")),
    Mistake(
        "undefined variable",
        "action",
        "no such variable",
        word(_DELIVERY, "#{variables.ModelPackageArn}", "#{variables.Package}"),
    ),
    Mistake(
        "undefined namespace",
        "action",
        "no such variable",
        action(_DELIVERY, "Staging/SmokeTest", "Namespace", "Smoke"),
    ),
    Mistake(
        "undefined output",
        "action",
        "StagingSmoke.reports",
        word(_DELIVERY, "#{StagingSmoke.report}", "#{StagingSmoke.reports}"),
    ),
    Mistake(
        "variable of a later action",
        "action",
        "no such variable",
        word(_DELIVERY, "#{variables.ModelPackageArn}", "#{StagingSmoke.metrics}"),
    ),
    Mistake(
        "variable that does not end",
        "action",
        "does not end",
        word(_DELIVERY, "#{StagingSmoke.report}", "#{StagingSmoke.report"),
    ),
    Mistake(
        "commit of another source", "action", "Source.Commit}", word(_PUSH, "#{Source.CommitId}", "#{Source.Commit}")
    ),
    Mistake(
        "text over 1000 characters",
        "action",
        "1000 at most",
        action(_DELIVERY, "Approval/Approve", "Configuration/CustomData", "x" * 1001),
    ),
    Mistake(
        "misspelt ActionMode",
        "action",
        "ActionMode",
        action(_DELIVERY, _DEPLOY, "Configuration/ActionMode", "CREATE_OR_UPDATE"),
    ),
    Mistake("missing Commands", "action", "no Commands", action(_PUSH, "Build/Build", "ActionTypeId", _COMMANDS)),
    Mistake(
        "missing stack name", "action", "no StackName", action(_DELIVERY, _DEPLOY, "Configuration/StackName", GONE)
    ),
    Mistake(
        "misspelt key",
        "action",
        "unknown key RoleARN",
        action(_DELIVERY, _DEPLOY, "Configuration/RoleARN", "arn:aws:iam::1:role/x"),
    ),
    Mistake(
        "deployment without a role", "action", "no RoleArn", action(_DELIVERY, _DEPLOY, "Configuration/RoleArn", "")
    ),
    Mistake(
        "template of another artifact",
        "action",
        "is no input",
        word(_DELIVERY, "Templates::EndpointsStaging", "Template::EndpointsStaging"),
    ),
    Mistake(
        "template that is not",
        "action",
        "no template",
        word(_DELIVERY, "Templates::EndpointsStaging", "Templates::EndpointStaging"),
    ),
    Mistake(
        "parameter that is not",
        "action",
        "the template has no Package",
        word(_DELIVERY, '{"ModelPackageArn"', '{"Package"'),
    ),
    Mistake(
        "parameters that are no JSON",
        "action",
        "is no JSON",
        word(_DELIVERY, '{"ModelPackageArn":', '{"ModelPackageArn"='),
    ),
    Mistake(
        "artifact of nobody",
        "action",
        "no earlier action leaves",
        action(_PUSH, "Build/Build", "InputArtifacts/0/Name", "Source"),
    ),
    Mistake("stage twice", "action", "2 times", _twice),
    Mistake("variables of V1", "action", "need PipelineType V2", prop(_DELIVERY, "PipelineType", "V1")),
    Mistake("misspelt execution mode", "request", "none of the service's", prop(_DELIVERY, "ExecutionMode", "QUEUE")),
    Mistake(
        "misspelt provider",
        "action",
        "unknown provider",
        action(_DELIVERY, "Staging/SmokeTest", "ActionTypeId/Provider", "Function"),
    ),
    Mistake(
        "artifacts under AWS's key", "protection", "AWS's key", prop(_DELIVERY, "ArtifactStore/EncryptionKey", GONE)
    ),
    Mistake("CodePipeline target without a role", "event", "no role", _target_without_role),
    Mistake("state machine target without a role", "event", "no role", prop(_NEW_DATA, "Targets/0/RoleArn", GONE)),
    Mistake("rule without a target", "event", "no target", prop(_APPROVED, "Targets", GONE)),
    Mistake(
        "function that the rule may not call",
        "event",
        "no permission",
        remove("Deployment Lambda::Permission Approved"),
    ),
    Mistake("event of any service", "event", "does not say source", prop(_NEW_DATA, "EventPattern/source", GONE)),
    Mistake("rule of both kinds", "event", "not both", prop(_NEW_DATA, "ScheduleExpression", "rate(1 day)")),
    Mistake("misspelt state of a rule", "request", "none of the service's", prop(_APPROVED, "State", "ON")),
    Mistake("way to no state", "machine", "to go to", word(_MACHINE, '"Next":"Look"', '"Next":"Looked"')),
    Mistake("start at no state", "machine", "StartAt", word(_MACHINE, '"StartAt":"', '"StartAt":"No ')),
    Mistake("machine that is no JSON", "machine", "no JSON", word(_MACHINE, '"StartAt":', '"StartAt"=')),
    Mistake("choice without a default", "machine", "no Default", word(_MACHINE, '"Default":', '"Else":')),
    Mistake("misspelt kind of state", "machine", "unknown type", word(_MACHINE, '"Type":"Wait"', '"Type":"Sleep"')),
    Mistake("machine without a log", "protection", "leave no log", prop(_MACHINE, "LoggingConfiguration", GONE)),
    Mistake("misspelt machine type", "request", "none of the service's", prop(_MACHINE, "StateMachineType", "NORMAL")),
)
