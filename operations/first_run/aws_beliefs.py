# SPDX-License-Identifier: MIT-0
"""Lists unverified beliefs about AWS, with the sign that settles each and the fallback if it fails.

``python -m operations.first_run.aws_beliefs`` prints docs/beliefs.md, which is this table; a test compares the two.
"""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from operations.first_run import belief_checks
from operations.first_run.belief_checks import BeliefOutcome
from operations.first_run.first_run_state import FirstRunObservations
from pipeline_src.algorithms.algorithm_specification import REUSED_METRIC, AlgorithmSpecification

PAGE: Final = "docs/beliefs.md"


class Occasion(StrEnum):
    """The occasion that settles a belief; the value is a heading of the page."""

    FIRST_RUN = "Settled by a first run"
    TUNING = "Settled by a first run with `training.tuning_jobs`"
    ELSEWHERE = "Settled by a first run with a stage in another account or region"
    LATER = "Settled later, in operation"


@dataclass(frozen=True)
class Belief:
    """One belief about AWS.

    Attributes:
        id: Name in reports.
        text: The belief.
        source: Its source.
        sign: The answer of a service that shows that it held or failed.
        fallback: Remedy if it fails.
        occasion: Occasion that settles it.
        check: Returns its outcome in a run.
        applies: Whether a run with an algorithm can reach it; None: with all.
    """

    id: str
    text: str
    source: str
    sign: str
    fallback: str
    occasion: Occasion
    check: Callable[[FirstRunObservations], BeliefOutcome]
    applies: Callable[[AlgorithmSpecification], bool] | None = None


_TRAINING: Final = (
    Belief(
        "image-manifest",
        "SageMaker pulls the jobs' image in the manifest format in which the builder pushed it.",
        "Reports of users: some SageMaker features refuse OCI manifests, which Docker's containerd store pushes.",
        "ECR `DescribeImages`: `imageManifestMediaType`; `ListPipelineExecutionSteps`: the container of Preprocess "
        "started, or its reason names the manifest.",
        "Docker: switch the containerd image store off. podman: `export BUILDAH_FORMAT=docker`. Then `make deploy`.",
        Occasion.FIRST_RUN,
        belief_checks.image_manifest,
    ),
    Belief(
        "container-user",
        "A processing container that runs as root may read and write below `/opt/ml`.",
        "[Decision 0008](decisions/0008-image-without-root.md); AWS documents no user.",
        "`DescribeProcessingJob` of Preprocess: it completed, or its reason says permission denied.",
        "`training.job_user=0:0`, which is the default. With it: read the job's log, and set `USER` in the Dockerfile.",
        Occasion.FIRST_RUN,
        belief_checks.container_user,
    ),
    Belief(
        "one-object-input",
        "A processing input of type S3Prefix may name a single object.",
        "[Decisions 0007](decisions/0007-input-archive-by-exact-name.md) and "
        "[0014](decisions/0014-intervals-and-a-champion.md); AWS documents a prefix.",
        "`DescribeProcessingJob` of Preprocess: it completed with an input that names an object, or its reason says "
        "that the data could not be downloaded.",
        "Put each archive below a prefix of its own, `archives/<SHA-256>/archive.zip`, and pass the prefix.",
        Occasion.FIRST_RUN,
        belief_checks.archive_input,
    ),
    Belief(
        "job-names",
        "Names of the jobs and models that a pipeline creates begin with `pipelines-`.",
        "SageMaker Developer Guide, IAM access management of Pipelines; examples of executions.",
        "`ListPipelineExecutionSteps`: the ARNs in `Metadata`, or a reason that names another resource.",
        "Let `PipelineRole` in `stacks/training/job_roles.py` create jobs of any name that carry the tag `project`.",
        Occasion.FIRST_RUN,
        belief_checks.job_names,
    ),
    Belief(
        "role-operations",
        "The roles of pipeline and jobs may do all that each type of step does.",
        "SageMaker Developer Guide, execution roles; notes of other projects with CloudTrail.",
        "`ListPipelineExecutionSteps`: Register succeeded, or a reason says that an action is not authorized.",
        "Add the action that the reason names to its role in `stacks/training/job_roles.py`, with a test.",
        Occasion.FIRST_RUN,
        belief_checks.role_operations,
    ),
    Belief(
        "samples-by-reference",
        "`Std:JsonGet` is resolved in the hyperparameters of a training job.",
        "The SageMaker SDK renders it; the examples of AWS use it in conditions.",
        "`DescribeTrainingJob`: `num_training_samples` is a number, or Train's reason names the property file.",
        "Make `num_training_samples` a pipeline parameter that the starter takes from the last dataset card.",
        Occasion.FIRST_RUN,
        belief_checks.samples_by_reference,
    ),
    Belief(
        "trained-by-command",
        "SageMaker starts the container of a training with the argument `train`, also in an image that `cdk deploy` "
        "built, and the training needs no network.",
        "SageMaker Developer Guide, How Amazon SageMaker AI Runs Your Training Image.",
        "`ListPipelineExecutionSteps`: Train succeeded, or its reason names the entry point, an executable or the "
        "network.",
        "Give the command as `ContainerEntrypoint` in `pipeline_src/definition/job_specs.py`.",
        Occasion.FIRST_RUN,
        belief_checks.trained_by_command,
        lambda algorithm: algorithm.training_image.is_built,
    ),
    Belief(
        "pretrained-weights",
        "With `use_pretrained_model=1` an algorithm of AWS finds its weights in its image, without a network.",
        "Two public logs of jobs, which show no download; it is not on AWS's list of containers that cannot be "
        "isolated.",
        "`DescribeTrainingJob` with that hyperparameter: it completed, or its reason names download or network.",
        "An earlier artifact as channel `model`, content type `application/x-sagemaker-model`, with the same "
        "`num_layers`, `image_shape` and `num_classes`.",
        Occasion.FIRST_RUN,
        belief_checks.pretrained_weights,
        lambda algorithm: "use_pretrained_model" in algorithm.parameter_of_hyperparameter,
    ),
    Belief(
        "served-by-command",
        "SageMaker starts the container of a model with the argument `serve`, also in an image that `cdk deploy` "
        "built, and that starts the model server.",
        "SageMaker Developer Guide, Use Your Own Inference Code with Hosting Services and with Batch Transform.",
        "`ListPipelineExecutionSteps`: Score succeeded, or its reason says that the container did not answer.",
        "Start the server by `CMD` in `containers/model_server/Dockerfile`, with or without the argument.",
        Occasion.FIRST_RUN,
        belief_checks.served_by_command,
        lambda algorithm: algorithm.serving_image.is_built,
    ),
    Belief(
        "gate-within-reach",
        "A training with the defaults meets the gate on HAM10000.",
        "Published figures of similar models; no full training was run.",
        "`ListPipelineExecutionSteps`: the condition's outcome, or the message of Reject.",
        "Read `report.html`. Train with another algorithm or other parameters, or decide to ask for less "
        "(`training.gate_profile`).",
        Occasion.FIRST_RUN,
        belief_checks.gate_reached,
    ),
    Belief(
        "group-creation",
        "RegisterModel calls CreateModelPackageGroup first, and goes on where the group exists.",
        "Notes of three other projects with CloudTrail.",
        "`ListPipelineExecutionSteps`: Register succeeded, or its reason names the group.",
        "Allow what the reason names on `model-package-group/<name>` in `stacks/training/job_roles.py`.",
        Occasion.FIRST_RUN,
        belief_checks.group_creation,
    ),
    Belief(
        "metadata-by-reference",
        "`Std:JsonGet` is resolved in a model package's metadata.",
        "The SageMaker SDK renders it.",
        "`DescribeModelPackage`: `dataset_sha256` is a SHA-256, or Register's reason names the metadata.",
        "Write the metadata in a step of its own: a function that calls UpdateModelPackage with `evaluation.json`.",
        Occasion.FIRST_RUN,
        belief_checks.metadata_by_reference,
    ),
    Belief(
        "card-by-reference",
        "`Std:JsonGet` is resolved in a model card's content, at its length of about 10 KB.",
        "[Decision 0014](decisions/0014-intervals-and-a-champion.md); AWS documents no longest value.",
        "`DescribeModelPackage`: the card is JSON, or Register's reason names the card.",
        "Leave `model_card` out of the definition; the card lies beside the report as `model_card.json`.",
        Occasion.FIRST_RUN,
        belief_checks.card_by_reference,
    ),
    Belief(
        "one-start-for-one-token",
        "Two starts with the same client request token make one execution.",
        "[Decision 0009](decisions/0009-one-way-to-start-a-retraining.md); how long a token lasts is not documented.",
        "`ListPipelineExecutions`: no display name occurs twice.",
        "Stop the second execution. The function that starts the pipeline then needs a lock, for example a conditional "
        "write to a table.",
        Occasion.FIRST_RUN,
        belief_checks.one_start_for_one_token,
    ),
)
_DELIVERY: Final = (
    Belief(
        "approval-event",
        "An approval emits an event that starts a delivery.",
        "SageMaker Developer Guide, events of a model package's state change.",
        "CodePipeline `ListPipelineExecutions`: one delivers the version; failed: none 15 minutes after the approval.",
        "Start it by hand: `aws codepipeline start-pipeline-execution --name skin-lesion-delivery --variables "
        "name=ModelPackageArn,value=ARN`. Read the log of the function Release.",
        Occasion.FIRST_RUN,
        belief_checks.approval_event,
    ),
    Belief(
        "generated-names",
        "CloudFormation begins the names of unnamed models and configurations with the logical id or the stack's name.",
        "CloudFormation User Guide, physical ids; other resource types.",
        "CodePipeline `ListActionExecutions` and CloudFormation `DescribeStackEvents` of staging: the stack was "
        "deployed, or creating a model or configuration was not authorized.",
        "Add the beginning that the reason shows to `generated_name_starts` in `stacks/settings/generated_names.py`.",
        Occasion.FIRST_RUN,
        belief_checks.generated_names,
    ),
    Belief(
        "served-package",
        "SageMaker says of a model that was made of a package which package that is.",
        "SageMaker API Reference, DescribeModel.",
        "`DescribeModel` of staging: `ModelPackageName` is there, or not.",
        "Tag the model with the package's ARN, as a stage in another account does.",
        Occasion.FIRST_RUN,
        belief_checks.served_package,
    ),
    Belief(
        "configuration-metrics",
        "CloudWatch has an endpoint's metrics by the dimension EndpointConfigName too.",
        "SageMaker Developer Guide, Auto-Rollback Configuration and Monitoring.",
        "CloudWatch `ListMetrics` of staging: metrics by EndpointConfigName, or by EndpointName alone.",
        "Let the guard's alarms watch EndpointName and VariantName, and switch their actions off before a delivery "
        "that replaces a sick model.",
        Occasion.FIRST_RUN,
        belief_checks.configuration_metrics,
    ),
)
_TUNING: Final = (
    Belief(
        "tuning-tags",
        "Conditions on request and resource tags let the pipeline's role create and watch its tuning jobs.",
        "[Decision 0017](decisions/0017-tuning-by-random-search.md); the names of such jobs are not documented.",
        "`ListPipelineExecutionSteps`: Train has a TuningJob and succeeded, or its reason is that a tuning job is not "
        "authorized.",
        "Name the resource instead of the tag in `let_tune` in `stacks/training/job_roles.py`: the "
        "reason shows the name.",
        Occasion.TUNING,
        belief_checks.tuning_tags,
    ),
    Belief(
        "tuned-values",
        "A reference into `BestTrainingJob.TunedHyperParameters` is resolved.",
        "[Decision 0017](decisions/0017-tuning-by-random-search.md): the SDK renders it.",
        "`DescribeModelPackage`: `tuned_<hyperparameter>` is a number, or the reason of Evaluate or Register names it.",
        "Drop `facts` and `metadata` from `pipeline_src/definition/job_specs.py`; nothing else depends on them.",
        Occasion.TUNING,
        belief_checks.tuned_values,
    ),
    Belief(
        "tuning-objective",
        "The objective of a tuning is the last value of its metric that a job printed.",
        "[Decision 0017](decisions/0017-tuning-by-random-search.md).",
        "`DescribeHyperParameterTuningJob`: the best job's objective; `DescribeTrainingJob`: the last value of that "
        "metric.",
        "Have the local tuning compare what the service compares (`local/steps/tuning_step.py`); the "
        "model is no worse for it.",
        Occasion.TUNING,
        belief_checks.tuning_objective,
    ),
)
_ELSEWHERE: Final = (
    Belief(
        "delivery-key-alias",
        "An action in another account or region takes the delivery's key by the ARN of its alias.",
        "[Decision 0016](decisions/0016-a-stage-elsewhere-gets-copies.md): the CDK does it; CodePipeline asks for a "
        "key's id or ARN.",
        "CodePipeline `ListActionExecutions`: Deploy of that stage succeeded, or its error names the key.",
        "Give the key's ARN to `stores` in `stacks/delivery/remote_region_stack.py`.",
        Occasion.ELSEWHERE,
        belief_checks.delivery_key,
    ),
    Belief(
        "key-description",
        "`kms:ResourceAliases` lets a role describe a key of another account.",
        "[Decision 0016](decisions/0016-a-stage-elsewhere-gets-copies.md).",
        "CodePipeline `ListActionExecutions`: Deploy of that stage succeeded, or its error names DescribeKey.",
        "The key's ARN in place of `key/*` in `stacks/constructs/iam_statements.py`.",
        Occasion.ELSEWHERE,
        belief_checks.key_description,
    ),
    Belief(
        "replica-key-alias",
        "Replication takes the ARN of an alias in another account as the key of replicas.",
        "[Decision 0016](decisions/0016-a-stage-elsewhere-gets-copies.md).",
        "S3 `ListObjectsV2` of the captures bucket: a replica is there; or CloudWatch `DescribeAlarms`: "
        "ReplicationFailed rings.",
        "The output `KeyArn` of the storage stack in `replicate` in `stacks/constructs/capture_replication.py`.",
        Occasion.ELSEWHERE,
        belief_checks.replica_key,
    ),
    Belief(
        "replica-events",
        "S3 sends EventBridge an event for an object that replication made.",
        "S3 User Guide, event types; it does not name replicas.",
        "CloudWatch `ListMetrics`: answers were counted; failed: a replica is 15 minutes old, and none were.",
        "Count the answers in the stage's account, where they are captured. The monitor needs no such event.",
        Occasion.ELSEWHERE,
        belief_checks.replica_events,
    ),
)
_LATER: Final = (
    Belief(
        "reason-by-reference",
        "`Std:JsonGet` is resolved in the message of a Fail step. Seen when a model is rejected.",
        "The SageMaker SDK renders it.",
        "`ListPipelineExecutionSteps`: the message of Reject begins with `Rejected.`",
        "A fixed message that names `evaluation.json`; `make next` reads the reason from there.",
        Occasion.LATER,
        belief_checks.reason_by_reference,
    ),
    Belief(
        "checkpoints-without-spot",
        "The checkpoint prefix is downloaded into the container when a training starts, also without spot capacity. "
        "Seen when a second execution trains with an algorithm whose checkpoints are named by their content.",
        "SageMaker Developer Guide, checkpoints: the folder is kept in step with S3; its examples use spot capacity.",
        f"`DescribeTrainingJob`: the metric `{REUSED_METRIC}` is above 0, or it is 0 after an execution that "
        "succeeded.",
        "Pass the prefix as one more channel, and copy it into the checkpoint folder when the job starts. Until then "
        "each training computes all again.",
        Occasion.LATER,
        belief_checks.checkpoints_without_spot,
        lambda algorithm: algorithm.checkpoints == "content",
    ),
    Belief(
        "edit-event",
        "The event of an edit that is no approval says so in `UpdatedModelPackageFields`, and starts no delivery.",
        "Public records of events; the field may be absent.",
        "CloudTrail `LookupEvents` of UpdateModelPackage: as many deliveries as approvals, or more.",
        "Reject the delivery at its manual approval. Have the function Release compare with the last approval.",
        Occasion.LATER,
        belief_checks.edit_event,
    ),
    Belief(
        "scaling-target",
        "The deployer's role may register a scaling target. Seen when production is deployed.",
        "Application Auto Scaling User Guide, permissions.",
        "`DescribeScalableTargets`: production's is there; or `DescribeStackEvents` names the target.",
        "Add the action that the reason names to `stacks/endpoint/endpoint_roles.py`; until then "
        "`production.maximum` equal to "
        "`production.minimum`.",
        Occasion.LATER,
        belief_checks.scaling_target,
    ),
    Belief(
        "canary-rollback",
        "CloudFormation calls an update failed that an alarm rolled back. Seen when an alarm rings during a canary.",
        "SageMaker Developer Guide, deployment guardrails; it does not name CloudFormation.",
        "`DescribeStackEvents` of production: the endpoint's update failed; or the stack was updated, and "
        "`DescribeEndpoint` names a rollback.",
        "Nothing: the smoke test of production fails, because the endpoint serves another version than was delivered.",
        Occasion.LATER,
        belief_checks.canary_rollback,
    ),
    Belief(
        "monitor-rules",
        "The monitor's rules start its job, and hear of its end. Seen a day after production's first requests.",
        "SageMaker Developer Guide, events of processing jobs; an emulator matched the patterns.",
        "`ListProcessingJobs` and CloudWatch `ListMetrics`: a run ended and was published; or `DescribeAlarms`: an "
        "alarm of the monitor rings.",
        "Start the function by hand: docs/alarms.md#monitorfailed. Its log says what it was not allowed.",
        Occasion.LATER,
        belief_checks.monitor_rules,
    ),
    Belief(
        "export-job",
        "The job of `make export` may do what it needs as its role.",
        "It ran in no account.",
        "`ListProcessingJobs`: one completed, or its reason says that access is denied.",
        "Add the action that the reason names to the export's role in `stacks/monitoring/monitoring_stack.py`.",
        Occasion.LATER,
        belief_checks.export_job,
    ),
)
BELIEFS: Final = (*_TRAINING, *_DELIVERY, *_TUNING, *_ELSEWHERE, *_LATER)


def settled_beliefs(algorithm: AlgorithmSpecification, *, tuning: bool, elsewhere: bool) -> list[Belief]:
    """Return the beliefs that a first run settles.

    Args:
        algorithm: What it trains with.
        tuning: Whether it tunes.
        elsewhere: Whether a stage is in another account or region.
    """
    wanted = {Occasion.FIRST_RUN: True, Occasion.TUNING: tuning, Occasion.ELSEWHERE: elsewhere}
    return [
        belief
        for belief in BELIEFS
        if wanted.get(belief.occasion, False) and (belief.applies is None or belief.applies(algorithm))
    ]


def announce_beliefs(algorithm: AlgorithmSpecification, *, tuning: bool, elsewhere: bool) -> str:
    """Return in one line how many beliefs a first run settles; see `settled_beliefs`."""
    count = len(settled_beliefs(algorithm, tuning=tuning, elsewhere=elsewhere))
    return f"A first run settles {count} of {len(BELIEFS)} beliefs about AWS that no one has seen hold: {PAGE}"


def render_beliefs_page() -> str:
    """Return the page docs/beliefs.md."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterable[str]:
    yield "# Beliefs about AWS"
    yield ""
    yield "<!-- Generated: python -m operations.first_run.aws_beliefs > docs/beliefs.md -->"
    yield ""
    yield (
        "No part of this project has run on AWS yet. It depends on the following, which documentation or reports "
        "suggest and no one has seen. `make first-run` reports each as held, failed, not reached or, with another "
        "algorithm, not applicable ([how](deploy.md#the-first-run))."
    )
    for occasion in Occasion:
        yield from (
            "",
            f"## {occasion}",
            "",
            "| id | believed | why | how it shows | if it fails |",
            "|---|---|---|---|---|",
        )
        for one in (belief for belief in BELIEFS if belief.occasion is occasion):
            cells = (f"`{one.id}`", one.text, one.source, one.sign, one.fallback)
            yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    sys.stdout.write(render_beliefs_page())
