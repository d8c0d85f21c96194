# SPDX-License-Identifier: MIT-0
"""Event patterns that several rules use, and the queue of events that could not be delivered.

Source of the event: S3 User Guide, "EventBridge event message structure".
"""

from aws_cdk import Duration, aws_events, aws_iam, aws_lambda, aws_lambda_destinations, aws_sqs
from constructs import Construct

from stacks.constructs.iam_statements import resource_arn
from stacks.settings.deployment_settings import Settings


class UndeliveredQueue(aws_sqs.Queue):
    """Where EventBridge leaves events that it could not deliver, for two weeks.

    One statement admits the rules of the deployment. The library's targets would add one for each rule, and a queue's
    policy holds 20 (SQS Developer Guide, "Amazon SQS policy quotas").
    """

    def __init__(self, scope: Construct, id_: str, *, settings: Settings) -> None:
        # SQS's own key: EventBridge then needs no leave to use one, so that nothing can be lost for want of it.
        super().__init__(
            scope,
            id_,
            encryption=aws_sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        # A rule's name begins with its stack's, of which CloudFormation may leave out the end.
        rules = resource_arn("events", f"rule/{settings.name}-*")
        super().add_to_resource_policy(
            aws_iam.PolicyStatement(
                actions=["sqs:SendMessage"],
                principals=[aws_iam.ServicePrincipal("events.amazonaws.com")],
                resources=[self.queue_arn],
                conditions={"ArnLike": {"aws:SourceArn": rules}},
            )
        )

    def add_to_resource_policy(self, statement: aws_iam.PolicyStatement) -> aws_iam.AddToResourcePolicyResult:
        """Add `statement`, unless it admits a rule, as the library's targets would have it."""
        if "aws:SourceArn" in str(statement.to_statement_json().get("Condition")):
            return aws_iam.AddToResourcePolicyResult(statement_added=False)
        return super().add_to_resource_policy(statement)


def keep_failed_events(function: aws_lambda.Function, undelivered: aws_sqs.IQueue) -> None:
    """Send events on which `function` fails every time to the queue: for EventBridge, Lambda has taken them."""
    function.configure_async_invoke(on_failure=aws_lambda_destinations.SqsDestination(undelivered))


def object_created_pattern(bucket: str, keys: list[str]) -> aws_events.EventPattern:
    """Return the pattern of an object that was put into `bucket`.

    Args:
        bucket: Its name.
        keys: Object keys, or what `aws_events.Match` makes of a pattern of keys.
    """
    return aws_events.EventPattern(
        source=["aws.s3"],
        detail_type=["Object Created"],
        detail={"bucket": {"name": [bucket]}, "object": {"key": keys}},
    )
