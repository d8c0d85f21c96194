# SPDX-License-Identifier: MIT-0
"""The Lambda function construct, whose code is `operations/functions`."""

from pathlib import Path
from typing import Final

from aws_cdk import Duration, IgnoreMode, RemovalPolicy, aws_iam, aws_lambda, aws_logs
from constructs import Construct

from stacks.settings.deployment_settings import Settings
from stacks.storage.storage_stack import StorageStack

_REPOSITORY: Final = Path(__file__).parents[2]
# What enters the package, by folder: the functions, and the top level of pipeline_src, which needs the standard library
# alone. What a person runs by hand stays out.
_PACKAGE_PATTERNS: Final = (
    "*",
    "!operations",
    "operations/*",
    "!operations/__init__.py",
    "!operations/functions",
    "!pipeline_src",
    "pipeline_src/*",
    "!pipeline_src/*.py",
    "**/__pycache__",
)
# How CloudWatch Logs calls so many days.
_RETENTION_WORDS: Final = (
    {1: "ONE_DAY", 3: "THREE_DAYS", 5: "FIVE_DAYS", 7: "ONE_WEEK", 14: "TWO_WEEKS", 30: "ONE_MONTH"}
    | {60: "TWO_MONTHS", 90: "THREE_MONTHS", 120: "FOUR_MONTHS", 150: "FIVE_MONTHS", 180: "SIX_MONTHS", 365: "ONE_YEAR"}
    | {400: "THIRTEEN_MONTHS", 545: "EIGHTEEN_MONTHS", 731: "TWO_YEARS", 1096: "THREE_YEARS", 1827: "FIVE_YEARS"}
)
_RETENTION: Final = {days: aws_logs.RetentionDays[word] for days, word in _RETENTION_WORDS.items()}


class OperationFunction(aws_lambda.Function):
    """One handler of operations/functions/lambda_handlers.py, with a role and an encrypted log group of its own.

    The role may write that log and nothing else; whoever makes the function adds what its handler needs.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        handler: str,
        description: str,
        settings: Settings,
        storage: StorageStack,
        role_name: str | None = None,
        function_name: str | None = None,
    ) -> None:
        log = _log_group(scope, f"{id_}Log", settings, storage)
        role = aws_iam.Role(
            scope,
            f"{id_}Role",
            role_name=role_name,
            assumed_by=aws_iam.ServicePrincipal("lambda.amazonaws.com"),
            description=description,
        )
        log.grant_write(role)
        super().__init__(
            scope,
            id_,
            code=aws_lambda.Code.from_asset(
                str(_REPOSITORY), exclude=list(_PACKAGE_PATTERNS), ignore_mode=IgnoreMode.DOCKER
            ),
            function_name=function_name,
            handler=f"operations.functions.lambda_handlers.{handler}",
            runtime=aws_lambda.Runtime.PYTHON_3_14,
            architecture=aws_lambda.Architecture.ARM_64,
            description=description,
            role=role,
            log_group=log,
            timeout=Duration.minutes(5),
            memory_size=256,
        )


def _log_group(scope: Construct, id_: str, settings: Settings, storage: StorageStack) -> aws_logs.LogGroup:
    return aws_logs.LogGroup(
        scope,
        id_,
        retention=log_retention(settings),
        encryption_key=storage.key,
        removal_policy=RemovalPolicy.DESTROY,
    )


def log_retention(settings: Settings) -> aws_logs.RetentionDays:
    """Return how long logs are kept, as CloudWatch Logs calls it."""
    return _RETENTION[settings.retention.log_days]
