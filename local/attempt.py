# SPDX-License-Identifier: MIT-0
"""Carries out one step: evaluates its arguments, looks for an earlier result, runs it, keeps the record."""

import shutil
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from local import cache, condition, document, model, processing, shape, step_retries, training, transform, tuning
from local.argument import SHAPES
from local.definition import Step
from local.document import Object
from local.error import LocalError, StepError, StoppedError, is_the_machines, told
from local.expression import evaluate
from local.step import Context, Result
from local.world import World

_EXECUTE: Final[Mapping[str, Callable[[Object, Context], Result]]] = {
    "Processing": processing.execute,
    "Training": training.execute,
    "Tuning": tuning.execute,
    "Transform": transform.execute,
    "Model": model.create,
    "RegisterModel": model.register,
}


def perform(step: Step, world: World) -> None:
    """Carry out `step`, recording how it goes.

    Raises:
        StepError: It failed.
        StoppedError: It was stopped.
    """
    fields: Object = {}
    status = "Failed"
    try:
        world.record.start(step.name, step.kind)
        world.reporter.started(step.name)
        fields = _carry_out(step, world)
        status = "Succeeded"
    except StoppedError:
        status = "Stopped"
        raise
    except StepError as error:
        fields = {"FailureReason": str(error)}
        if step.kind == "Fail":
            fields["Metadata"] = {"Fail": {"ErrorMessage": str(error)}}
        raise
    except Exception as error:
        failure = _failure(error, world.record.path.parent / step.name)
        fields = {"FailureReason": str(failure)}
        raise failure from error
    finally:
        _finish(step, status, fields, world)


def _finish(step: Step, status: str, fields: Object, world: World) -> None:
    seconds = 0.0
    with suppress(OSError):  # A full disk: the failure itself is what the user must read.
        seconds = world.record.finish(step.name, status, **fields)["Seconds"]
    world.reporter.finished(step.name, status, seconds, cached="CacheHitResult" in fields)


def _failure(error: Exception, folder: Path) -> StepError:
    """Return what the user reads of an exception that no step raises on purpose."""
    if isinstance(error, LocalError):
        return StepError(str(error), code=error.exit_code)
    if isinstance(error, OSError) and is_the_machines(error):
        return StepError(told(error, folder), code=2)
    log = folder / "engine.log"
    with suppress(OSError):
        document.write_bytes(log, "".join(traceback.format_exception(error)).encode())
    return StepError(f"{type(error).__name__}: {error}. This is a defect of the local engine; see {log}.")


def _carry_out(step: Step, world: World) -> Object:
    """Run the step, or reuse an earlier result, and return the fields of its record."""
    scope = world.scope(step)
    if step.kind == "Condition":
        outcome = all(condition.holds(test, scope) for test in step.arguments["Conditions"])
        world.properties[step.name] = {"Outcome": str(outcome)}
        return {"Metadata": {"Condition": {"Outcome": str(outcome)}}}
    arguments = evaluate(step.arguments, scope)
    shape.check(arguments, SHAPES[step.kind], step.name)
    if step.kind == "Fail":
        raise StepError(str(arguments["ErrorMessage"]))
    wanted = _key(step, arguments, world)
    hit = _reuse(step, wanted, world)
    if hit:
        return hit
    # Each attempt begins with an empty folder, as each job of the service does.
    return step_retries.persist(
        step,
        lambda: _keep(step, _EXECUTE[step.kind](arguments, _context(step, world)), wanted, world),
        lambda seconds, why: _wait(step, seconds, why, world),
    )


def _wait(step: Step, seconds: float, why: str, world: World) -> None:
    world.reporter.said(step.name, why)
    if world.wait(world.halt, seconds):
        raise StoppedError("stopped")


def _key(step: Step, arguments: Object, world: World) -> str | None:
    if step.cache_seconds is None:
        return None
    if step.kind == "Processing":
        image = arguments["AppSpecification"]["ImageUri"]
    elif step.kind == "Training":
        image = arguments["AlgorithmSpecification"]["TrainingImage"]
    elif step.kind == "Tuning":
        image = arguments["TrainingJobDefinition"]["AlgorithmSpecification"]["TrainingImage"]
    else:
        # A model of another name is refused when the step runs.
        made = _models(world).get(arguments["ModelName"], {})
        image = made.get("PrimaryContainer", {}).get("Image", "")
    return cache.key(step.kind, arguments, world.runner.fingerprint(image))


def _reuse(step: Step, wanted: str | None, world: World) -> Object | None:
    if wanted is None or step.cache_seconds is None:
        return None
    found = cache.find(world.earlier, step.name, wanted, seconds=step.cache_seconds, store=world.store)
    if found is None:
        return None
    record, entry = found
    result = Result(entry["Properties"], entry["Metadata"], entry["OutputUris"])
    source = {"SourcePipelineExecutionArn": record.data["PipelineExecutionArn"]}
    return _keep(step, result, wanted, world) | {"CacheHitResult": source}


def _keep(step: Step, result: Result, wanted: str | None, world: World) -> Object:
    """Hand the result to later steps, and return what the record says of it."""
    world.outputs[step.name] = result.outputs
    world.properties[step.name] = result.properties
    return {
        "Metadata": result.metadata,
        "Outputs": {name: str(world.store.path(uri)) for name, uri in result.outputs.items()},
        "OutputUris": dict(result.outputs),
        "OutputSizes": {uri: list(world.store.size(uri)) for uri in result.outputs.values()},
        "Properties": result.properties,
        "CacheKey": wanted,
    }


def _models(world: World) -> dict[str, Object]:
    made = [found for name, found in world.properties.copy().items() if world.steps[name].kind == "Model"]
    return {str(found["ModelName"]): found for found in made}


def _context(step: Step, world: World) -> Context:
    folder = world.record.path.parent / step.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return Context(
        step.name,
        folder,
        world.identity,
        world.store,
        world.runner,
        world.registry,
        _models(world),
        world.halt,
        lambda line: world.reporter.line(step.name, line),
        lambda text: world.reporter.said(step.name, text),
    )
