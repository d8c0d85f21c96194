# SPDX-License-Identifier: MIT-0
"""How cdk-nag's findings call what stands in a policy: the same letters as in the template, references in brackets."""

from typing import Final

OWN: Final = "<AWS::Region>:<AWS::AccountId>"
SAGEMAKER: Final = f"arn:<AWS::Partition>:sagemaker:{OWN}"
RAW: Final = "{name}-storage:ExportsOutputFnGetAttRaw72517081Arn8AABA17C"
RUNS: Final = "{name}-storage:ExportsOutputFnGetAttRunsE45A2291Arn9AFA3150"
ARTIFACTS: Final = "{name}-storage:ExportsOutputFnGetAttArtifacts82DD59A1Arn3B515032"


def on(*resources: str) -> tuple[str, ...]:
    """Return the ids of the findings that a policy names `resources`."""
    return tuple(f"AwsSolutions-IAM5[Resource::{each}]" for each in resources)


def policy(*roles: str) -> tuple[str, ...]:
    """Return the paths of the policies of `roles`."""
    return tuple(f"{role}/DefaultPolicy/Resource" for role in roles)
