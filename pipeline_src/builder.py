# SPDX-License-Identifier: MIT-0
# ruff: noqa: ANN401  the SDK has no types
"""What several steps of the pipeline are built with.

It gets the SageMaker SDK handed over by pipeline.py, the only module that imports it.
"""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from pipeline_src import contract, hyperparameter, retry_policies, workload
from pipeline_src.deployment import QUIET, Deployment
from pipeline_src.parameter import Parameter, parameters


class Builder:
    """The parameters over one deployment, and what reads them.

    Args:
        deployment: Where the pipeline lives.
        sdk: The SDK's classes and modules by name.
    """

    def __init__(self, deployment: Deployment, sdk: SimpleNamespace) -> None:
        self.at, self.sdk, self.join = deployment, sdk, sdk.functions.Join
        self.session = sdk.PipelineSession(sagemaker_config=QUIET)
        self.tags = {"pipeline": deployment.pipeline_name, **deployment.tags}
        self.cache = sdk.steps.CacheConfig(enable_caching=True, expire_after=workload.CACHE_EXPIRES)
        archives = f"s3://{deployment.raw_bucket}/{contract.ARCHIVES_PREFIX}"
        unused = hyperparameter.UNUSED_WHEN_TUNED if deployment.tuning else ()
        given = (
            Parameter(contract.INPUT_ARCHIVE, archives),
            *(each for each in parameters(deployment.defaults) if each.name not in unused),
            Parameter(contract.ADDITIONAL_ARCHIVE, deployment.absent),
            Parameter(contract.CHAMPION_PREDICTIONS, deployment.absent),
        )
        self.parameters = {each.name: getattr(sdk.parameters, each.kind)(**each.arguments) for each in given}

    def processing(
        self, job: workload.Processing, sources: dict[str, Any], facts: Mapping[str, Any] | None = None
    ) -> Any:
        """Return a processing step in our own image.

        Args:
            job: What it is told.
            sources: A URI for each input name.
            facts: What it is told only to note it, besides parameters, by name.
        """
        given = self.parameters
        processor = self.sdk.Processor(
            **workload.processor(job, self.at),
            instance_count=1,
            instance_type=given[f"{job.step}InstanceType"],
            sagemaker_session=self.session,
            tags=self.tags,
            network_config=self.sdk.NetworkConfig(enable_network_isolation=True),
        )
        inputs = [workload.processing_input(name, uri) for name, uri in sources.items()]
        outputs = [workload.processing_output(name, self.run_uri(job.step.lower(), name)) for name in job.outputs]
        run = processor.run(
            inputs=[self.sdk.shapes.ProcessingInput(**each) for each in inputs],
            outputs=[self.sdk.shapes.ProcessingOutput(**each) for each in outputs],
            arguments=[*self.arguments(job), *self.notes(job, facts or {})],
        )
        file = self.sdk.properties.PropertyFile(*job.property_file)
        return self.sdk.steps.ProcessingStep(job.step, run, property_files=[file], **self.repeated("Processing"))

    def repeated(self, kind: str) -> dict[str, Any]:
        """Return when a step of `kind` that runs jobs reuses an earlier result, and when it is tried again."""
        return {"cache_config": self.cache, "retry_policies": self.retries(kind)}

    def retries(self, kind: str) -> list[Any]:
        """Return the SDK's policies by which a step of `kind` is tried again."""
        sdk = self.sdk.retry
        of_requests = (sdk.StepRetryPolicy, sdk.StepExceptionTypeEnum)
        of_jobs = (sdk.SageMakerJobStepRetryPolicy, sdk.SageMakerJobExceptionTypeEnum)
        made = []
        for each in retry_policies.POLICIES[kind]:
            policy, known = of_requests if each.exceptions[0].startswith("Step.") else of_jobs
            named = {member.value: member for member in known}
            made.append(
                policy(
                    exception_types=[named[name] for name in each.exceptions],
                    backoff_rate=each.backoff,
                    interval_seconds=each.seconds,
                    max_attempts=each.attempts,
                )
            )
        return made

    def arguments(self, job: workload.Processing) -> list[Any]:
        """Return the words that tell `job` the parameters it takes."""
        given = self.parameters
        return [word for name in job.parameters for word in (workload.option(name), given[name].to_string())]

    def notes(self, job: workload.Processing, facts: Mapping[str, Any]) -> list[Any]:
        """Return the words that tell `job` what it is to note."""
        values = {name: self.parameters[name] for name in job.noted if name in self.parameters} | dict(facts)
        words = [self.join("=", [name, value]) for name, value in values.items()]
        words += [f"{contract.PREPROCESSING_IMAGE}={self.at.preprocessing_image}"] if job.noted else []
        return [word for each in words for word in (workload.NOTED_OPTION, each)]

    def run_uri(self, *path: str) -> Any:
        """Return the URI of `path` below the folder of this execution."""
        root = self.at.uri(contract.RUNS_PREFIX)
        return self.join("/", [root, self.sdk.execution_variables.ExecutionVariables.PIPELINE_EXECUTION_ID, *path])

    def evaluated(self, path: str) -> Any:
        """Return the value at `path` of evaluation.json."""
        return self.value(workload.EVALUATE, path)

    def value(self, job: workload.Processing, path: str) -> Any:
        """Return the value at `path` of the property file of `job`."""
        return self.sdk.functions.JsonGet(job.step, job.property_file[0], path)


def output(step: Any, name: str) -> Any:
    """Return the URI of the output `name` of the processing step `step`."""
    return step.properties.ProcessingOutputConfig.Outputs[name].S3Output.S3Uri
