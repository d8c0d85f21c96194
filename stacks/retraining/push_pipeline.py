# SPDX-License-Identifier: MIT-0
"""The pipeline of a push: fetch, check, test, deploy, retrain.

A CodePipeline of type V2, in which a newer push overtakes an older one. Its last stage waits for the retraining and
fails if the gate rejects the model. A push that changes the pipeline itself starts it again, because CloudFormation
cancels the execution that it changes; the second execution finds everything deployed and goes on to the retraining.
"""

from aws_cdk import aws_codepipeline, aws_events, aws_iam, aws_sqs
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.constructs import artifact_access
from stacks.constructs.iam_statements import create_event_role, grant_actions, resource_arn, service_actions
from stacks.retraining.codebuild_projects import create_deploy_project
from stacks.retraining.push_source import create_push_source
from stacks.retraining.retraining_state_machine import REQUEST_DEFAULTS
from stacks.settings.deployment_settings import Settings
from stacks.storage.storage_stack import StorageStack


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
