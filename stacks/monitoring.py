# SPDX-License-Identifier: MIT-0
"""MonitoringStack: who is told what, which alarms ring, what is counted, one page to look at, and a budget."""

from typing import Any

from aws_cdk import Stack, aws_lambda
from constructs import Construct

from stacks.alarm import Alarms
from stacks.budget import add_budget
from stacks.dashboard import Dashboard
from stacks.deployment import DeploymentStack
from stacks.endpoint import endpoint_name
from stacks.examination import PRODUCTION, ExportRole
from stacks.monitor import Monitor, monitor_notices, monitoring
from stacks.notification import Notice, Notifier, machine_notices, pipeline_notices, training_notices
from stacks.output import outputs
from stacks.place import apart, at_home, role
from stacks.retraining import RetrainingStack
from stacks.settings import Settings
from stacks.storage import StorageStack
from stacks.tally import Tally, capturing
from stacks.training import TrainingStack
from stacks.trigger import UndeliveredQueue


class MonitoringStack(Stack):
    """Everything that watches the other stacks, and nothing that they need."""

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
        self._notify(notices(settings, training, retraining, deployment))
        alarms = self._alarms(settings, self._tally(settings) | self._monitor(settings, training))
        dashboard = self._dashboard(settings, alarms)
        add_budget(self, "Budget", name=settings.name, settings=settings, topic=storage.topic, region=region)
        outputs(self, Dashboard=dashboard.dashboard_name, **self._export(settings, training))

    def _notify(self, all_: dict[str, Notice]) -> None:
        Notifier(self, "Notifier", storage=self._storage, undelivered=self._undelivered, notices=all_)

    def _tally(self, settings: Settings) -> dict[str, aws_lambda.IFunction]:
        """Return the function that counts answers, by its name; nothing where no stage captures any."""
        if not capturing(settings):
            return {}
        own: dict[str, Any] = {"settings": settings, "storage": self._storage, "undelivered": self._undelivered}
        return {"Tally": Tally(self, "Tally", **own).function}

    def _monitor(self, settings: Settings, training: TrainingStack) -> dict[str, aws_lambda.IFunction]:
        """Return the functions around the monitor's job, by their names; nothing where there is no monitor."""
        if not monitoring(settings):
            return {}
        own: dict[str, Any] = {"settings": settings, "storage": self._storage, "undelivered": self._undelivered}
        machine = self._retraining.starter.machine
        return Monitor(self, "Monitor", training=training, machine=machine, **own).functions

    def _export(self, settings: Settings, training: TrainingStack) -> dict[str, str]:
        """Return what whoever exports labelled images has to know; nothing where production captures none."""
        if PRODUCTION not in capturing(settings):
            return {}
        role = ExportRole(self, "ExportRole", storage=self._storage, training=training)
        return {"ExportRole": role.role_arn, "ExportInstance": settings.monitor.instance}

    def _alarms(self, settings: Settings, more: dict[str, aws_lambda.IFunction]) -> Alarms:
        retraining, deployment = self._retraining, self._deployment
        return Alarms(
            self,
            "Alarms",
            name=settings.name,
            drift=monitoring(settings),
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
        if not apart(settings):
            return {}
        return {"Publish": aws_lambda.Function.from_function_name(self, "Publish", role(settings, "publish"))}

    def _dashboard(self, settings: Settings, alarms: Alarms) -> Dashboard:
        return Dashboard(
            self,
            "Dashboard",
            settings=settings,
            machine=self._retraining.starter.machine,
            endpoints={stage: endpoint_name(settings, stage) for stage in at_home(settings)},
            alarms=alarms.all,
        )


def notices(
    settings: Settings, training: TrainingStack, retraining: RetrainingStack, deployment: DeploymentStack
) -> dict[str, Notice]:
    """Return everything that the topic is told by rules."""
    found = training_notices(settings.name, training.pipeline_arn)
    found |= machine_notices(settings.name, retraining.starter.machine.state_machine_arn)
    found |= monitor_notices(settings)
    found |= pipeline_notices(deployment.delivery.name, "Delivery")
    return found | (pipeline_notices(retraining.push.name, "Push") if retraining.push else {})
