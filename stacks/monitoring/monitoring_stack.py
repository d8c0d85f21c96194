# SPDX-License-Identifier: MIT-0
"""The monitoring stack: notifications, alarms, metrics, the dashboard and a budget."""

from typing import Any

from aws_cdk import Stack, aws_lambda
from constructs import Construct

from stacks.constructs.event_delivery import UndeliveredQueue
from stacks.delivery.deployment_stack import DeploymentStack
from stacks.endpoint.endpoint_stack import endpoint_name
from stacks.monitoring.alarms_and_notifications import (
    ApplicationAlarms,
    EventNotice,
    NotificationRules,
    pipeline_notices,
    state_machine_notices,
    training_notices,
)
from stacks.monitoring.cloudwatch_dashboard import DeploymentDashboard
from stacks.monitoring.drift_detection import (
    PRODUCTION_STAGE,
    DriftMonitor,
    ExportJobRole,
    export_job_outputs,
    is_production_monitored,
    monitor_notices,
)
from stacks.monitoring.monthly_budget import add_budget
from stacks.monitoring.prediction_counter import PredictionCounter, capture_percentages
from stacks.retraining.retraining_stack import RetrainingStack
from stacks.settings.deployment_settings import Settings
from stacks.settings.stage_placement import home_stages, remote_stages, role_name
from stacks.stack_outputs import add_stack_outputs
from stacks.storage.storage_stack import StorageStack
from stacks.training.training_stack import TrainingStack


class MonitoringStack(Stack):
    """Everything that monitors the other stacks. They do not depend on it."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        storage: StorageStack,
        training: TrainingStack,
        retraining: RetrainingStack,
        deployment: DeploymentStack,
        region: str = "",
        **options: Any,
    ) -> None:
        super().__init__(scope, id_, **options)
        self._storage, self._retraining, self._deployment = storage, retraining, deployment
        self._undelivered = UndeliveredQueue(self, "Undelivered", settings=settings)
        self._notify(collect_notices(settings, training, retraining, deployment))
        alarms = self._alarms(settings, self._tally(settings) | self._monitor(settings, training))
        dashboard = self._dashboard(settings, alarms)
        add_budget(self, "Budget", name=settings.name, settings=settings, topic=storage.topic, region=region)
        add_stack_outputs(self, Dashboard=dashboard.dashboard_name, **self._export(settings, training))

    def _notify(self, all_: dict[str, EventNotice]) -> None:
        NotificationRules(self, "Notifier", storage=self._storage, undelivered=self._undelivered, notices=all_)

    def _tally(self, settings: Settings) -> dict[str, aws_lambda.IFunction]:
        """Return the function that counts answers, by its name; nothing where no stage captures any."""
        if not capture_percentages(settings):
            return {}
        own: dict[str, Any] = {"settings": settings, "storage": self._storage, "undelivered": self._undelivered}
        return {"Tally": PredictionCounter(self, "Tally", **own).function}

    def _monitor(self, settings: Settings, training: TrainingStack) -> dict[str, aws_lambda.IFunction]:
        """Return the functions around the monitor's job, by their names; nothing where there is no monitor."""
        if not is_production_monitored(settings):
            return {}
        own: dict[str, Any] = {"settings": settings, "storage": self._storage, "undelivered": self._undelivered}
        machine = self._retraining.starter.machine
        return DriftMonitor(self, "Monitor", training=training, machine=machine, **own).functions

    def _export(self, settings: Settings, training: TrainingStack) -> dict[str, str]:
        """Return what whoever exports labelled images has to know; nothing where production captures none."""
        if PRODUCTION_STAGE not in capture_percentages(settings):
            return {}
        role = ExportJobRole(self, "ExportRole", settings=settings, storage=self._storage, training=training)
        return export_job_outputs(settings, role)

    def _alarms(self, settings: Settings, more: dict[str, aws_lambda.IFunction]) -> ApplicationAlarms:
        retraining, deployment = self._retraining, self._deployment
        return ApplicationAlarms(
            self,
            "Alarms",
            name=settings.name,
            drift=is_production_monitored(settings),
            topic=self._storage.topic,
            machine=retraining.starter.machine,
            functions={
                "Retrain": retraining.starter.function,
                "Release": deployment.approval.release,
                "Rejected": deployment.approval.rejected,
                "SmokeTest": deployment.smoke,
                "Promote": deployment.promote,
                **self._publish(settings),
                **more,
            },
            queues={
                "Retraining": retraining.undelivered,
                "Deployment": deployment.undelivered,
                "Monitoring": self._undelivered,
            },
        )

    def _publish(self, settings: Settings) -> dict[str, aws_lambda.IFunction]:
        """Return the function that copies models, by its name: an import of it would keep a stage from coming home."""
        if not remote_stages(settings):
            return {}
        return {"Publish": aws_lambda.Function.from_function_name(self, "Publish", role_name(settings, "publish"))}

    def _dashboard(self, settings: Settings, alarms: ApplicationAlarms) -> DeploymentDashboard:
        return DeploymentDashboard(
            self,
            "Dashboard",
            settings=settings,
            machine=self._retraining.starter.machine,
            endpoints={stage: endpoint_name(settings, stage) for stage in home_stages(settings)},
            alarms=alarms.all,
        )


def collect_notices(
    settings: Settings, training: TrainingStack, retraining: RetrainingStack, deployment: DeploymentStack
) -> dict[str, EventNotice]:
    """Return everything that the topic is told by rules."""
    found = training_notices(settings.name, training.pipeline_arn)
    found |= state_machine_notices(settings.name, retraining.starter.machine.state_machine_arn)
    found |= monitor_notices(settings)
    found |= pipeline_notices(deployment.delivery.name, "Delivery")
    return found | (pipeline_notices(retraining.push.name, "Push") if retraining.push else {})
