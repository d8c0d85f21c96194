# SPDX-License-Identifier: MIT-0
"""What the steps of one execution share."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from local import document
from local.definition import Step
from local.document import Json, Object
from local.error import StepError
from local.execution import Identity, Record, now
from local.expression import Scope
from local.jobs import Runner
from local.progress import Reporter
from local.registry import Registry
from local.store import Store


@dataclass(frozen=True)
class World:
    """What the steps of one execution share.

    Attributes:
        steps: Every step of the definition, by name.
        earlier: Executions whose results may be reused, oldest first.
        properties: By step, what finished steps left; grows as they finish.
        outputs: By step, the S3 URIs of their outputs.
        wait: Waits some seconds, or until `halt` is set, which it then tells; a test need not wait.
        halt: Set when everything is to stop.
    """

    identity: Identity
    parameters: Mapping[str, Json]
    steps: Mapping[str, Step]
    store: Store
    registry: Registry
    runner: Runner
    reporter: Reporter
    record: Record
    earlier: tuple[Record, ...]
    wait: Callable[[threading.Event, float], bool]
    halt: threading.Event = field(default_factory=threading.Event)
    properties: dict[str, Object] = field(default_factory=dict)
    outputs: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def scope(self, step: Step) -> Scope:
        """Return what the expressions of `step` are evaluated against."""
        return Scope(
            self.parameters,
            variables(self.identity, str(self.record.data["CreationTime"]), step.name),
            self.properties,
            self._property_file,
            lambda uri: document.read(self.store.path(uri)),
        )

    def _property_file(self, step: str, name: str) -> Json:
        declared = next(item for item in self.steps[step].body["PropertyFiles"] if item["PropertyFileName"] == name)
        uri = f"{self.outputs[step][declared['OutputName']]}/{declared['FilePath']}"
        try:
            return document.read(self.store.path(uri))
        except (OSError, ValueError) as error:
            raise StepError(f"property file {name} of step {step}: {uri}: {error}. Let the job write it.") from error


def variables(identity: Identity, created: str, step: str) -> dict[str, str]:
    """Return the values of the execution variables, as `step` sees them."""
    return {
        "StartDateTime": created,
        "CurrentDateTime": now(),
        "PipelineName": identity.pipeline_name,
        "PipelineArn": identity.pipeline_arn,
        "PipelineExecutionId": identity.execution_id,
        "PipelineExecutionArn": identity.execution_arn,
        "TrainingJobName": identity.job_name(step),
        "ProcessingJobName": identity.job_name(step),
    }
