# SPDX-License-Identifier: MIT-0
"""A link leads to the console of the region and the partition in which the thing is."""

import pytest

from operations.functions import aws_clients

PARTITIONS = pytest.mark.parametrize(
    ("partition", "region", "host"),
    [
        ("aws", "us-east-1", "us-east-1.console.aws.amazon.com"),
        ("aws-us-gov", "us-gov-west-1", "console.amazonaws-us-gov.com"),
        ("aws-cn", "cn-north-1", "console.amazonaws.cn"),
    ],
)


@PARTITIONS
def test_a_page_is_asked_for_in_its_region(partition: str, region: str, host: str) -> None:
    assert aws_clients.console_page_url(partition, region, "a/b") == f"https://{host}/a/b?region={region}"


@PARTITIONS
def test_an_object_is_shown_where_the_thing_beside_it_is(partition: str, region: str, host: str) -> None:
    package = f"arn:{partition}:sagemaker:{region}:111111111111:model-package/skin-lesion/3"
    address = aws_clients.s3_object_console_url("s3://runs/a b/report.html", package)
    assert address == f"https://{host}/s3/object/runs?region={region}&prefix=a%20b/report.html"


@PARTITIONS
def test_an_execution_is_shown_where_its_arn_says(partition: str, region: str, host: str) -> None:
    execution = f"arn:{partition}:states:{region}:111111111111:execution:machine:1"
    address = aws_clients.execution_console_url(execution)
    assert address == f"https://{host}/states/home?region={region}#/v2/executions/details/{execution}"
