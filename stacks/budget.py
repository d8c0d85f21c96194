# SPDX-License-Identifier: MIT-0
"""A monthly budget that warns and stops nothing.

It counts what carries the tag `project`. Billing knows a tag only once somebody has activated it as a cost allocation
tag (Billing and Cost Management, Cost allocation tags), once for an account or its organization and up to a day before
it counts; until then the budget stays at zero. Source: AWS Billing and Cost Management User Guide.
"""

from typing import Final

from aws_cdk import aws_budgets
from constructs import Construct

from stacks.settings import Settings
from stacks.storage import StorageStack

# When it warns: kind of amount, and per cent of the budget.
THRESHOLDS: Final = (("ACTUAL", 80), ("FORECASTED", 100))


class Budget(aws_budgets.CfnBudget):
    """The budget of a deployment, whose amount is a setting."""

    def __init__(self, scope: Construct, id_: str, *, settings: Settings, storage: StorageStack) -> None:
        super().__init__(
            scope,
            id_,
            budget=self.BudgetDataProperty(
                budget_name=f"{settings.name}-monthly",
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=self.SpendProperty(amount=settings.budget.monthly_usd, unit="USD"),
                cost_filters={"TagKeyValue": [f"user:project${settings.name}"]},
            ),
            notifications_with_subscribers=[
                self._warning(kind, share, settings, storage) for kind, share in THRESHOLDS
            ],
        )

    @classmethod
    def _warning(
        cls, kind: str, per_cent: int, settings: Settings, storage: StorageStack
    ) -> aws_budgets.CfnBudget.NotificationWithSubscribersProperty:
        addresses = {"SNS": storage.topic.topic_arn, "EMAIL": settings.notification.address}
        return cls.NotificationWithSubscribersProperty(
            notification=cls.NotificationProperty(
                notification_type=kind,
                comparison_operator="GREATER_THAN",
                threshold=per_cent,
                threshold_type="PERCENTAGE",
            ),
            subscribers=[
                cls.SubscriberProperty(subscription_type=means, address=address)
                for means, address in addresses.items()
                if address
            ],
        )
