# SPDX-License-Identifier: MIT-0
"""Stack outputs under exactly the names by which operations/ finds them."""

from aws_cdk import CfnOutput
from constructs import Construct


def add_stack_outputs(scope: Construct, **values: str) -> None:
    """Give the stack of `scope` an output of each name; its id is the name itself, without a path or a hash."""
    room = Construct(scope, "Outputs")
    for name, value in values.items():
        CfnOutput(room, name, value=value).override_logical_id(name)
