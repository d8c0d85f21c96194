# SPDX-License-Identifier: MIT-0
"""Puts jobs, models and builds into the VPC of the settings, with the permissions that their roles then need.

Sources: SageMaker Developer Guide, "How to use SageMaker AI execution roles" (CreateProcessingJob, CreateTrainingJob
and CreateModel with a VPC); CodeBuild User Guide, "Allow CodeBuild access to AWS services required to create a VPC
network interface"; Service Authorization Reference, Amazon EC2.
"""

from typing import Final

import jsii
from aws_cdk import Acknowledgment, Aspects, IAspect, Tags, Validations, aws_codebuild, aws_iam, aws_sagemaker
from constructs import Construct, IConstruct

from stacks.constructs.iam_statements import resource_arn, service_actions, service_principal
from stacks.settings.deployment_settings import NetworkSettings, Settings

_JOBS: Final = "sagemaker"
# Actions that know no resource.
_DESCRIBE_ACTIONS: Final = (
    "DescribeDhcpOptions",
    "DescribeNetworkInterfaces",
    "DescribeSecurityGroups",
    "DescribeSubnets",
    "DescribeVpcs",
)
# Findings of cdk-nag at the policy of each role that stay, with the reason for a security reviewer.
NETWORK_POLICY_FINDINGS: Final = (
    "AwsSolutions-IAM5[Resource::*]",
    "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ec2:<AWS::Region>:<AWS::AccountId>:network-interface/*]",
    "NIST.800.53.R5-IAMNoInlinePolicy",
    "HIPAA.Security-IAMNoInlinePolicy",
)
NETWORK_POLICY_REASON: Final = (
    "EC2 names a network interface when it is created, and its Describe actions know no resource. Interfaces are "
    "created in the subnets and security groups of the settings only, and conditions limit all but the deletion "
    "of permissions to those subnets. The policy is written for this one role and goes with it."
)


class ExecutionRole(aws_iam.Role):
    """A role that SageMaker's jobs and models, or CodeBuild's builds, run as; its owner adds the permissions."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        description: str,
        service: str = _JOBS,
        role_name: str | None = None,
    ) -> None:
        super().__init__(
            scope, id_, role_name=role_name, assumed_by=service_principal(service), description=description
        )
        if settings.network.subnets:
            _grant_network_interfaces(self, settings.network, service)


def configure_resources(scope: IConstruct, settings: Settings) -> None:
    """Give every resource below `scope` the project tag and, where the settings name a VPC, its place in it."""
    Tags.of(scope).add("project", settings.name)
    if settings.network.subnets:
        Aspects.of(scope).add(_VpcPlacement(settings.network))


@jsii.implements(IAspect)
class _VpcPlacement:
    """Puts models and build projects into the VPC; the requests of jobs name it themselves."""

    def __init__(self, network: NetworkSettings) -> None:
        self._network = network

    def visit(self, node: IConstruct) -> None:
        """Set the VPC of `node`, if it is a model or a project."""
        subnets, groups = list(self._network.subnet_ids), list(self._network.security_group_ids)
        if isinstance(node, aws_sagemaker.CfnModel):
            node.vpc_config = aws_sagemaker.CfnModel.VpcConfigProperty(subnets=subnets, security_group_ids=groups)
        elif isinstance(node, aws_codebuild.CfnProject):
            node.vpc_config = aws_codebuild.CfnProject.VpcConfigProperty(
                vpc_id=self._network.vpc, subnets=subnets, security_group_ids=groups
            )


def _grant_network_interfaces(role: aws_iam.Role, network: NetworkSettings, service: str) -> None:
    """Let `role` create and delete the network interfaces of what it runs, in the subnets of `network` only."""
    subnets = [resource_arn("ec2", f"subnet/{each}") for each in network.subnet_ids]
    groups = [resource_arn("ec2", f"security-group/{each}") for each in network.security_group_ids]
    interfaces = resource_arn("ec2", "network-interface/*")
    own = {"ArnEquals": {"ec2:Subnet": subnets}}
    # CodeBuild's guide asks for the condition on the service; SageMaker's names none.
    only = own | ({"StringEquals": {"ec2:AuthorizedService": f"{service}.amazonaws.com"}} if service != _JOBS else {})
    policy = aws_iam.Policy(role, "NetworkPolicy")
    policy.attach_to_role(role)
    for actions, on, where in (
        (_DESCRIBE_ACTIONS, ["*"], None),
        (("CreateNetworkInterface",), [*subnets, *groups, interfaces], None),
        (("DeleteNetworkInterface",), [interfaces], own),
        (("CreateNetworkInterfacePermission",), [interfaces], only),
        # CodeBuild deletes none. No condition: it is not documented that the subnet is known to this request.
        *(((("DeleteNetworkInterfacePermission",), [interfaces], None),) if service == _JOBS else ()),
    ):
        policy.add_statements(
            aws_iam.PolicyStatement(actions=service_actions("ec2", *actions), resources=on, conditions=where)
        )
    for finding in NETWORK_POLICY_FINDINGS:
        pack = finding.partition("-")[0]
        acknowledged = Acknowledgment(id=f"{pack}::{finding}", reason=NETWORK_POLICY_REASON)
        Validations.of(policy.node.find_child("Resource")).acknowledge(acknowledged)
