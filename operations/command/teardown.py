# SPDX-License-Identifier: MIT-0
"""Deletes a deployment in an order that cannot get stuck, and that can be begun again at any point.

1. The delivery pipeline is stopped, then the endpoint stacks go: a role of the deployment stack deletes them, so they
   go before it. Scaling targets and endpoints that outlived their stacks go by name, and so does the champion.
2. Monitoring, deployment and retraining stacks: from then on nothing starts a training.
3. Executions and the monitor's jobs are stopped; models and images go while the pipeline still says which they are;
   then the training stack.
4. The relays of other regions, and with the data the sites of stages that are elsewhere: emptied first, because a
   bucket that is not empty would stop CloudFormation half way. What they leave behind goes as in 5.
5. With the data: model packages, the storage stack, and what that leaves behind: buckets, registry, key.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from botocore.exceptions import ClientError

from operations import champion
from operations.command import cdk, halt, image, inventory, outpost, place, refusal, stack, survivor
from operations.command.account import Account
from operations.command.cdk import Cdk
from operations.command.inventory import STORAGE, Inventory
from operations.command.place import Located
from operations.error import OperationError


@dataclass(frozen=True)
class Teardown:
    """One deployment's end.

    Attributes:
        account: Where.
        found: What was there when the user was asked.
        cdk: Runs the CDK's command line.
        context: ``KEY=VALUE`` each: the settings that the deployment was made with.
        tell: Is told what happens.
    """

    account: Account
    found: Inventory
    cdk: Cdk
    context: Sequence[str]
    tell: Callable[[str], None]

    def run(self, *, data: bool) -> None:
        """Delete everything, with or without the data.

        Raises:
            OperationError: Something could not be deleted; the same command goes on from there.
        """
        self._endpoints()
        self._destroy("monitoring", "deployment", "retraining")
        halt.monitor(self.account)
        self._training()
        self._outposts(data=data)
        if data:
            self._data()
        self._check(data=data)

    def _output(self, part: str, key: str) -> str:
        return self.found.stacks[part].outputs.get(key, "") if part in self.found.stacks else ""

    def _endpoints(self) -> None:
        if pipeline := self._output("deployment", "Delivery"):
            self.tell(f"Stopping the delivery pipeline {pipeline}")
            halt.delivery(self.account, pipeline)
        for one in self.found.stages:
            # Asked again: the pipeline may have made it between the question and its own end.
            if made := inventory.endpoint_stack(one):
                self.tell(f"Deleting the stack {one.named(made.name)}: some minutes")
                stack.delete(one.account.client("cloudformation"), made, self.account.sleep)
            self._leftovers(one)
        if name := self._output(STORAGE, "Champion"):
            champion.forget(self.account.client("ssm"), name)

    def _leftovers(self, one: Located) -> None:
        """Delete what outlived the stage's stack: CloudFormation forgets what was made or deleted by hand."""
        for target in list(inventory.targets(one)):
            self.tell(f"Deleting the scaling target {one.named(target)}")
            one.account.client("application-autoscaling").deregister_scalable_target(
                ServiceNamespace="sagemaker",
                ResourceId=target,
                ScalableDimension="sagemaker:variant:DesiredInstanceCount",
            )
        if inventory.is_endpoint(one):
            self.tell(f"Deleting the endpoint {one.named(one.stage.endpoint)}")
            one.account.client("sagemaker").delete_endpoint(EndpointName=one.stage.endpoint)

    def _destroy(self, *parts: str) -> None:
        there = [part for part in parts if part in self.found.stacks]
        if "retraining" in there and (machine := self._output("retraining", "StateMachine")):
            self.tell("Stopping the retraining; a build under way is let finish")
            halt.retraining(self.account, machine, self._output("retraining", "SourcePipeline"))
        if there:
            self.tell(f"Deleting the stacks {', '.join(self.account.stack_name(part) for part in there)}")
            cdk.destroy(self.cdk, there, self.context)

    def _training(self) -> None:
        if pipeline := self._output("training", "Pipeline"):
            self.tell(f"Stopping the executions of {pipeline}")
            halt.training(self.account, pipeline)
            self.tell(f"Deleting {len(self.found.images)} images")
            image.delete(self.account.client("ecr"), list(self.found.images))
        self._models()
        self._destroy("training")

    def _models(self) -> None:
        self.tell(f"Deleting {len(self.found.models)} models and their endpoint configurations")
        for account in (self.account, *(one.account for one in place.distinct(self.found.stages))):
            sagemaker = account.client("sagemaker")
            for name in inventory.tagged(account, "endpoint-config"):
                self._deleted(sagemaker.delete_endpoint_config, EndpointConfigName=name)
            for name in inventory.tagged(account, "model"):
                self._deleted(sagemaker.delete_model, ModelName=name)

    def _deleted(self, delete: Callable[..., object], **named: str) -> None:
        try:
            delete(**named)
        except ClientError as error:
            # The tagging service goes on naming what was deleted, for a while.
            if not refusal.is_missing(error):
                raise

    def _outposts(self, *, data: bool) -> None:
        going = self.found.going(data=data)
        for one in going:
            self.tell(f"Emptying the buckets of {one.name}")
            outpost.clear(one)
        there = [one for one in going if one.stack]
        if there:
            self.tell(f"Deleting the stacks {', '.join(one.name for one in there)}")
            cdk.destroy(self.cdk, [one.id for one in there], self.context)
        for one in going:
            self._survivors(one.account, one.name)

    def _survivors(self, account: Account, name: str) -> None:
        for left in survivor.remaining(account, name):
            known = survivor.delete(account, left)
            self.tell(f"{'Deleting' if known else 'Left behind, delete it by hand:'} {left.kind} {left.name}")

    def _data(self) -> None:
        name = self.account.stack_name(STORAGE)
        if STORAGE in self.found.stacks:
            self.tell(f"Deleting {len(self.found.packages)} model packages")
            for package in self.found.packages:
                self.account.client("sagemaker").delete_model_package(ModelPackageName=package)
            self.account.client("cloudformation").update_termination_protection(
                StackName=name, EnableTerminationProtection=False
            )
            self._destroy(STORAGE)
        self._survivors(self.account, name)

    def _check(self, *, data: bool) -> None:
        """Refuse to call it done while a stack is there."""
        client = self.account.client("cloudformation")
        parts = [part for part in inventory.PARTS if data or part != STORAGE]
        left = [name for part in parts if stack.described(client, name := self.account.stack_name(part))]
        left += [one.named(one.stage.stack) for one in self.found.stages if inventory.endpoint_stack(one)]
        outposts = outpost.found(self.account, self.found.stages)
        left += [one.name for one in outposts if one.stack and (data or not one.lasting)]
        if left:
            raise OperationError(
                f"stacks {', '.join(left)}: still there: something made them anew meanwhile. Run the command again; "
                "one that it does not list any more goes in the CloudFormation console."
            )
