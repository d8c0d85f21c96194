# SPDX-License-Identifier: MIT-0
"""Executes one step: evaluates its arguments, looks for a cached result, runs it and records the result."""

import shutil
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from local import json_files
from local.aws.model_registry import ModelRegistry
from local.aws.pipeline_executions import ExecutionIdentity, ExecutionRecord, utc_timestamp
from local.aws.s3_store import S3Store
from local.console.step_progress import ProgressReporter
from local.engine import pipeline_expressions, step_cache, step_retries
from local.engine.json_shapes import check_shape
from local.engine.pipeline_definition import PipelineStep
from local.engine.pipeline_expressions import EvaluationScope, evaluate_expression
from local.engine.step_arguments import ARGUMENTS_BY_STEP_TYPE
from local.errors import LocalError, StepError, StoppedError, describe_os_error, is_environment_error
from local.json_files import Json, JsonObject
from local.runners.job_runner import JobRunner
from local.steps import model_steps, processing_step, training_step, transform_step, tuning_step
from local.steps.step_context import StepContext, StepResult
from pipeline_src import contract


@dataclass(frozen=True)
class ExecutionState:
    """State shared by the steps of one execution.

    Attributes:
        steps: Every step of the definition, by name.
        earlier: Executions whose results may be reused, oldest first.
        wait: Waits some seconds or until the event is set, and returns whether it is set; replaced in tests.
        halt: Set to stop all steps.
        properties: Properties of the finished steps, by step.
        outputs: S3 URIs of the outputs of the finished steps, by step and output.
    """

    identity: ExecutionIdentity
    parameters: Mapping[str, Json]
    steps: Mapping[str, PipelineStep]
    store: S3Store
    registry: ModelRegistry
    runner: JobRunner
    reporter: ProgressReporter
    record: ExecutionRecord
    earlier: tuple[ExecutionRecord, ...]
    wait: Callable[[threading.Event, float], bool]
    halt: threading.Event = field(default_factory=threading.Event)
    properties: dict[str, JsonObject] = field(default_factory=dict)
    outputs: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def scope(self, step: PipelineStep) -> EvaluationScope:
        """Return the scope of the expressions of `step`."""
        return EvaluationScope(
            self.parameters,
            execution_variables(self.identity, str(self.record.data["CreationTime"]), step.name),
            self.properties,
            self._property_file,
            lambda uri: self._read_object(uri, "S3Uri", "Name an object that holds JSON."),
        )

    def _property_file(self, step: str, name: str) -> Json:
        declared = next(item for item in self.steps[step].body["PropertyFiles"] if item["PropertyFileName"] == name)
        uri = f"{self.outputs[step][declared['OutputName']]}/{declared['FilePath']}"
        return self._read_object(uri, f"property file {name} of step {step}", "The job must write this file.")

    def _read_object(self, uri: str, place: str, remedy: str) -> Json:
        try:
            return json_files.read_json(self.store.path(uri))
        except (OSError, ValueError, RecursionError) as error:
            raise StepError(f"{place}: {uri}: {error}. {remedy}") from error


def execution_variables(identity: ExecutionIdentity, created: str, step: str) -> dict[str, str]:
    """Return the values of the execution variables for `step`."""
    return {
        "StartDateTime": created,
        "CurrentDateTime": utc_timestamp(),
        "PipelineName": identity.pipeline_name,
        "PipelineArn": identity.pipeline_arn,
        "PipelineExecutionId": identity.execution_id,
        "PipelineExecutionArn": identity.execution_arn,
        "TrainingJobName": identity.job_name(step),
        "ProcessingJobName": identity.job_name(step),
    }


_EXECUTORS: Final[Mapping[str, Callable[[JsonObject, StepContext], StepResult]]] = {
    "Processing": processing_step.execute_processing_step,
    "Training": training_step.execute_training_step,
    "Tuning": tuning_step.execute_tuning_step,
    "Transform": transform_step.execute_transform_step,
    "Model": model_steps.create_model,
    "RegisterModel": model_steps.register_model_package,
}


def execute_step(step: PipelineStep, state: ExecutionState) -> None:
    """Execute `step` and record its status.

    Raises:
        StepError: It failed.
        StoppedError: It was stopped.
    """
    fields: JsonObject = {}
    status = "Failed"
    try:
        state.record.start(step.name, step.kind)
        state.reporter.started(step.name)
        fields = _carry_out(step, state)
        status = "Succeeded"
    except StoppedError:
        status = "Stopped"
        raise
    except StepError as error:
        reason = _name_typed_archives(str(error), state)
        fields = {"FailureReason": reason}
        if step.kind == "Fail":
            fields["Metadata"] = {"Fail": {"ErrorMessage": reason}}
        if reason == str(error):
            raise
        raise StepError(reason, code=error.exit_code) from error
    except Exception as error:
        failure = _failure(error, state.record.path.parent / step.name)
        fields = {"FailureReason": str(failure)}
        raise failure from error
    finally:
        seconds = 0.0
        with suppress(OSError):  # On a full disk, the failure of the step is the message to report.
            seconds = state.record.finish(step.name, status, **fields)["Seconds"]
        state.reporter.finished(step.name, status, seconds, cached="CacheHitResult" in fields)


_ARCHIVES: Final = {contract.INPUT_ARCHIVE_PARAMETER: "Archive", contract.ADDITIONAL_ARCHIVE_PARAMETER: "Add"}


def _name_typed_archives(message: str, state: ExecutionState) -> str:
    """Return `message` with the path that was typed before the name under which the archive is stored."""
    for parameter, option in _ARCHIVES.items():
        stored = str(state.parameters.get(parameter, "")).rpartition("/")[2]
        typed = str(state.record.data.get("Local", {}).get(option, ""))
        if stored and typed:
            message = message.replace(repr(stored), f"{typed!r} ({stored})")
    return message


def _failure(error: Exception, folder: Path) -> StepError:
    """Return the StepError that reports an unexpected exception."""
    if isinstance(error, LocalError):
        return StepError(str(error), code=error.exit_code)
    if isinstance(error, OSError) and is_environment_error(error):
        return StepError(describe_os_error(error, folder), code=2)
    log = folder / "engine.log"
    with suppress(OSError):
        json_files.write_file_atomically(log, "".join(traceback.format_exception(error)).encode())
    return StepError(f"{type(error).__name__}: {error}. This is a defect of the local engine; see {log}.")


def _carry_out(step: PipelineStep, state: ExecutionState) -> JsonObject:
    """Run the step or reuse an earlier result, and return the fields of its record."""
    scope = state.scope(step)
    if step.kind == "Condition":
        outcome = all(pipeline_expressions.evaluate_condition(test, scope) for test in step.arguments["Conditions"])
        state.properties[step.name] = {"Outcome": str(outcome)}
        return {"Metadata": {"Condition": {"Outcome": str(outcome)}}}
    arguments = evaluate_expression(step.arguments, scope)
    check_shape(arguments, ARGUMENTS_BY_STEP_TYPE[step.kind], step.name)
    if step.kind == "Fail":
        raise StepError(str(arguments["ErrorMessage"]))
    wanted = _cache_key(step, arguments, state)
    hit = _reuse_result(step, wanted, state)
    if hit:
        return hit

    def attempt() -> JsonObject:
        # Each attempt starts with an empty folder, as each job on the service does.
        result = _EXECUTORS[step.kind](arguments, _step_context(step, state))
        step_cache.check_content_addressed_inputs(arguments, state.store)
        kept = _keep_result(step, result, wanted, state)
        if wanted is not None:
            digests = {uri: step_cache.digest_of_objects(uri, state.store) for uri in result.outputs.values()}
            kept["OutputDigests"] = digests
        return kept

    def wait(seconds: float, reason: str) -> None:
        state.reporter.said(step.name, reason)
        if state.wait(state.halt, seconds):
            raise StoppedError("stopped")

    return step_retries.run_with_retries(step, attempt, wait)


def _cache_key(step: PipelineStep, arguments: JsonObject, state: ExecutionState) -> str | None:
    if step.cache_seconds is None:
        return None
    if step.kind == "Processing":
        image = arguments["AppSpecification"]["ImageUri"]
    elif step.kind == "Training":
        image = arguments["AlgorithmSpecification"]["TrainingImage"]
    elif step.kind == "Tuning":
        image = arguments["TrainingJobDefinition"]["AlgorithmSpecification"]["TrainingImage"]
    else:
        model = _created_models(state).get(arguments["ModelName"])
        if model is None:  # The step will reject it.
            return None
        image = model["PrimaryContainer"]["Image"]
    return step_cache.step_cache_key(step.kind, arguments, state.runner.fingerprint(image))


def _reuse_result(step: PipelineStep, wanted: str | None, state: ExecutionState) -> JsonObject | None:
    if wanted is None or step.cache_seconds is None:
        return None
    found = step_cache.find_cached_step(
        state.earlier,
        step.name,
        wanted,
        seconds=step.cache_seconds,
        store=state.store,
        report=lambda text: state.reporter.said(step.name, text),
    )
    if found is None:
        return None
    record, entry = found
    result = StepResult(entry["Properties"], entry["Metadata"], entry["OutputUris"])
    source = {"SourcePipelineExecutionArn": record.data["PipelineExecutionArn"]}
    return _keep_result(step, result, wanted, state) | {"CacheHitResult": source}


def _keep_result(step: PipelineStep, result: StepResult, wanted: str | None, state: ExecutionState) -> JsonObject:
    """Make the result available to later steps, and return the fields of the step's record."""
    state.outputs[step.name] = result.outputs
    state.properties[step.name] = result.properties
    return {
        "Metadata": result.metadata,
        "Outputs": {name: str(state.store.path(uri)) for name, uri in result.outputs.items()},
        "OutputUris": dict(result.outputs),
        "OutputSizes": {uri: list(state.store.size(uri)) for uri in result.outputs.values()},
        "Properties": result.properties,
        "CacheKey": wanted,
    }


def _created_models(state: ExecutionState) -> dict[str, JsonObject]:
    finished = state.properties.copy()  # other steps may finish meanwhile
    return {str(each["ModelName"]): each for name, each in finished.items() if state.steps[name].kind == "Model"}


def _step_context(step: PipelineStep, state: ExecutionState) -> StepContext:
    folder = state.record.path.parent / step.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return StepContext(
        step.name,
        folder,
        state.identity,
        state.store,
        state.runner,
        state.registry,
        _created_models(state),
        state.halt,
        lambda line: state.reporter.line(step.name, line),
        lambda text: state.reporter.said(step.name, text),
    )
