# SPDX-License-Identifier: MIT-0
"""A monthly budget that warns and stops nothing.

It counts what carries the tag `project`. Billing knows a tag only once somebody has activated it as a cost allocation
tag (Billing and Cost Management, Cost allocation tags), once for an account or its organization and up to a day before
it counts; until then the budget stays at zero. An account sees its own bill only, so a stage in another account has a
budget of the same amount there. Source: AWS Billing and Cost Management User Guide.
"""

from collections.abc import Mapping
from typing import Final

from aws_cdk import Annotations, Stack, Token, aws_budgets, aws_sns
from constructs import Construct

from stacks.settings import region_support
from stacks.settings.deployment_settings import Settings

# When it warns: kind of amount, and per cent of the budget.
BUDGET_THRESHOLDS: Final = (("ACTUAL", 80), ("FORECASTED", 100))


def add_budget(
    scope: Stack, id_: str, *, name: str, settings: Settings, topic: aws_sns.ITopic, region: str = ""
) -> None:
    """Add the budget to a stack, unless the settings want none or the stack's region has no budgets.

    Args:
        scope: The stack.
        id_: Its id in the stack.
        name: Begins its name.
        settings: Those of the application.
        topic: Is told.
        region: Where the stack is deployed, if the settings leave that to the credentials and it is known.
    """
    if not settings.budget.monthly_usd:
        return
    by_account = Token.is_unresolved(scope.region)
    where = region if by_account else scope.region
    absent = bool(where) and region_support.lacks_resource_type(where, region_support.BUDGET_TYPE)
    if absent:
        need = region_support.RequiredResourceType(region_support.BUDGET_TYPE, "the monthly budget", optional=True)
        Annotations.of(scope).add_warning_v2("budget:region", f"{need.sentence(where)}. {need.remedy}")
    if by_account:
        # The template is the same whoever synthesizes it.
        made = MonthlyBudget(scope, id_, name=name, settings=settings, topic=topic)
        made.cfn_options.condition = region_support.budgets_condition(scope)
    elif not absent:
        MonthlyBudget(scope, id_, name=name, settings=settings, topic=topic)


class MonthlyBudget(aws_budgets.CfnBudget):
    """The budget of an account, whose amount is a setting."""

    def __init__(self, scope: Construct, id_: str, *, name: str, settings: Settings, topic: aws_sns.ITopic) -> None:
        addresses = {"SNS": topic.topic_arn, "EMAIL": settings.notification.address}
        super().__init__(
            scope,
            id_,
            budget=self.BudgetDataProperty(
                budget_name=f"{name}-monthly",
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=self.SpendProperty(amount=settings.budget.monthly_usd, unit="USD"),
                cost_filters={"TagKeyValue": [f"user:project${settings.name}"]},
            ),
            notifications_with_subscribers=[self._warning(kind, share, addresses) for kind, share in BUDGET_THRESHOLDS],
        )

    @classmethod
    def _warning(
        cls, kind: str, per_cent: int, addresses: Mapping[str, str]
    ) -> aws_budgets.CfnBudget.NotificationWithSubscribersProperty:
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
