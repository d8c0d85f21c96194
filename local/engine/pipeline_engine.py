# SPDX-License-Identifier: MIT-0
"""Runs a checked definition: each step once the steps it needs have succeeded, independent steps in parallel.

When a step fails, running steps are stopped and no new ones start, as on the service at a Fail step.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue

from local.aws import pipeline_executions
from local.aws.model_registry import ModelRegistry
from local.aws.pipeline_executions import ExecutionIdentity, ExecutionRecord
from local.aws.s3_store import LocalHome, S3Store
from local.console.step_progress import ProgressReporter
from local.engine import name_rules, pipeline_expressions, selective_execution
from local.engine.json_shapes import check_shape
from local.engine.pipeline_definition import PipelineDefinition, PipelineStep
from local.engine.pipeline_expressions import EvaluationScope, evaluate_partially
from local.engine.selective_execution import StartingPoint
from local.engine.step_arguments import ARGUMENTS_BY_STEP_TYPE
from local.engine.step_executor import ExecutionState, execute_step, execution_variables
from local.errors import LocalError, StoppedError
from local.json_files import Json, JsonObject
from local.runners.job_runner import JobRunner, images_in_arguments


@dataclass(frozen=True)
class ExecutionPlan:
    """The definition to run and its settings.

    Attributes:
        definition: A checked definition.
        parameters: A value for each of its parameters.
        pipeline_name: Name of the pipeline in the record; results are reused among executions of one pipeline.
        until: Last step to run, None for all.
        use_cache: Whether earlier results may be reused. None is, of steps that run from a starting point.
        start: Where to begin with the results of an earlier execution, None for the beginning.
        notes: Kept in the record's `Local`.
        wait: Waits some seconds before a retry or until the event is set, and returns whether it is set.
    """

    definition: PipelineDefinition
    parameters: Mapping[str, Json]
    pipeline_name: str
    until: str | None = None
    use_cache: bool = True
    start: StartingPoint | None = None
    notes: Mapping[str, Json] = field(default_factory=dict)
    wait: Callable[[threading.Event, float], bool] = threading.Event.wait


@dataclass(frozen=True)
class ExecutionOutcome:
    """The end of an execution: its record, the command's exit code, and the failed step with the reason."""

    record: ExecutionRecord
    exit_code: int
    step: str | None = None
    reason: str | None = None


class PipelineEngine:
    """One execution of a plan.

    Args:
        plan: The plan.
        home: Folder of runs, buckets and model packages.
        runner: Runs the jobs.
        reporter: Shows the progress.

    Raises:
        UsageError: The plan cannot be run; nothing was started or written.
    """

    def __init__(self, plan: ExecutionPlan, home: LocalHome, runner: JobRunner, reporter: ProgressReporter) -> None:
        self._plan = plan
        store = S3Store(home.s3)
        self._selection = selective_execution.select_steps(plan.definition, plan.until, plan.start, store)
        name_rules.check_pipeline_name(plan.pipeline_name)
        identity = ExecutionIdentity(pipeline_executions.new_execution_id(), plan.pipeline_name)
        runner.check(images_in_arguments(_check_arguments(plan, self._selection.run, identity)))
        records = pipeline_executions.load_executions(home.runs)
        earlier = tuple(old for old in records if old.data["PipelineArn"] == identity.pipeline_arn)
        notes = dict(plan.notes) | {"Runner": runner.name, "Until": plan.until}
        self.state = ExecutionState(
            identity,
            plan.parameters,
            plan.definition.steps,
            store,
            ModelRegistry(home.registry),
            runner,
            reporter,
            ExecutionRecord.create(home.runs, identity, dict(plan.parameters), notes),
            earlier if plan.use_cache and plan.start is None else (),
            plan.wait,
        )
        self._running: set[str] = set()
        self._ended: dict[str, BaseException | None] = {}
        self._done: SimpleQueue[tuple[str, BaseException | None]] = SimpleQueue()
        self._failed: tuple[str, BaseException] | None = None
        self._stopped = False
        if plan.start is not None:
            self._take_results(plan.start)

    def _take_results(self, start: StartingPoint) -> None:
        """Make the results of the earlier execution available to the steps that run."""
        record = self.state.record
        record.data["SelectiveExecutionConfig"] = selective_execution.execution_config(self._selection, start)
        for name, entry in self._selection.taken.items():
            self.state.properties[name] = selective_execution.entry_properties(entry)
            self.state.outputs[name] = entry.get("OutputUris", {})
            self._ended[name] = None
            record.steps.append(selective_execution.taken_entry(entry, start, pipeline_executions.utc_timestamp()))
        record.write()

    def stop(self) -> None:
        """Stop the execution. A signal handler may call this."""
        self._stopped = True
        self.state.halt.set()

    def run(self) -> ExecutionOutcome:
        """Run the steps to the end; failures of steps are reported in the outcome."""
        self.state.reporter.begin([name for name, step in self._plan.definition.steps.items() if self._is_wanted(step)])
        for name in self._selection.taken:
            self.state.reporter.said(name, "taken from the earlier run")
        try:
            self._start_ready()
            while self._running:
                name, error = self._done.get()
                self._running.discard(name)
                self._ended[name] = error
                if error is not None and self._failed is None and not isinstance(error, StoppedError):
                    self._failed = (name, error)
                    self.state.halt.set()
                self._start_ready()
        finally:
            self.state.halt.set()
            self.state.reporter.end()
        return self._end()

    def _start_ready(self) -> None:
        for step in self._plan.definition.steps.values():
            if not self.state.halt.is_set() and self._is_ready(step):
                self._running.add(step.name)
                threading.Thread(target=self._perform, args=(step,), name=step.name).start()

    def _perform(self, step: PipelineStep) -> None:
        try:
            execute_step(step, self.state)
        except BaseException as error:  # noqa: BLE001  handed to the main thread
            self._done.put((step.name, error))
        else:
            self._done.put((step.name, None))

    def _is_ready(self, step: PipelineStep) -> bool:
        if step.name in self._running or step.name in self._ended or not self._is_wanted(step):
            return False
        succeeded = {name for name, error in self._ended.items() if error is None}
        return step.needs <= succeeded and self._is_on_branch(step)

    def _is_on_branch(self, step: PipelineStep) -> bool:
        if step.parent is None:
            return True
        taken = "IfSteps" if self.state.properties[step.parent]["Outcome"] == "True" else "ElseSteps"
        return step.branch == taken

    def _is_wanted(self, step: PipelineStep) -> bool:
        """Return whether the step is selected, or in the branch taken instead of that of `until`."""
        if step.name in self._selection.run:
            return True
        until = self._plan.definition.steps.get(self._plan.until or "")
        if until is None or until.parent is None:
            return False
        return step.parent == until.parent and step.branch != until.branch

    def _end(self) -> ExecutionOutcome:
        record = self.state.record
        if self._stopped:
            ending = ExecutionOutcome(record, StoppedError.exit_code, reason="stopped by the user")
            status = "Stopped"
        elif self._failed:
            name, error = self._failed
            code = error.exit_code if isinstance(error, LocalError) else LocalError.exit_code
            ending = ExecutionOutcome(record, code, name, str(error))
            status = "Failed"
        else:
            ending = ExecutionOutcome(record, 0)
            status = "Succeeded"
        with suppress(OSError):  # On a full disk the record stays Executing, and is read as interrupted next time.
            record.end(status, ending.reason)
        return ending


def _check_arguments(plan: ExecutionPlan, selected: frozenset[str], identity: ExecutionIdentity) -> list[JsonObject]:
    """Check and return the arguments of the selected steps, except expressions that wait for a step."""
    scope = EvaluationScope(plan.parameters, execution_variables(identity, pipeline_executions.utc_timestamp(), ""))
    found = []
    for step in plan.definition.steps.values():
        if step.name in selected:
            arguments = evaluate_partially(step.arguments, scope)
            check_shape(arguments, ARGUMENTS_BY_STEP_TYPE[step.kind], step.name)
            for condition in arguments["Conditions"] if step.kind == "Condition" else []:
                pipeline_expressions.check_condition(condition, f"step {step.name!r}")
            found.append(arguments)
    return found
