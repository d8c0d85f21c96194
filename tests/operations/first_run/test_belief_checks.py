# SPDX-License-Identifier: MIT-0
"""Each belief: what a first run must see to call it held, failed, or not reached."""

from collections.abc import Callable
from typing import Final, TypeAlias

import pytest

from operations.first_run.aws_beliefs import BELIEFS, settled_beliefs
from operations.first_run.belief_checks import BeliefVerdict
from operations.first_run.first_run_command import look_at_first_run
from operations.first_run.first_run_state import FirstRunObservations
from pipeline_src import contract
from pipeline_src.algorithms.algorithm_specification import REUSED_METRIC, AlgorithmSpecification
from pipeline_src.algorithms.algorithm_table import ALGORITHMS
from tests.operations.first_run.first_run_account import (
    DOCKER,
    FAR,
    NOW,
    PACKAGE,
    TUNED,
    Records,
    account,
    fresh,
    healthy,
    resource,
    tuning,
)
from tests.operations.state import MONDAY, NAME

Arranging: TypeAlias = Callable[[Records], None]

DENIED: Final = "User: arn:aws:sts::1:assumed-role/p is not authorized to perform: sagemaker:{} on resource: {}"
CHECKS: Final = {belief.id: belief.check for belief in BELIEFS}


def _failing(step: str, reason: str) -> Arranging:
    return lambda records: records.fail(step, reason)


def _rejected(message: str) -> Arranging:
    def arrange(records: Records) -> None:
        records.fail(contract.REGISTER_STEP, "")
        del records.steps[contract.REGISTER_STEP]
        records.step(contract.REJECT_STEP, "Failed", message, Fail={"ErrorMessage": message})

    return arrange


def _staging_fails(kind: str, reason: str) -> Arranging:
    def arrange(records: Records) -> None:
        records.act("Staging", "Deploy", "Failed", "The stack could not be updated.")
        records.event(kind, reason)

    return arrange


def _production_fails(kind: str, reason: str) -> Arranging:
    def arrange(records: Records) -> None:
        records.act("Production", "Deploy", "Failed", "The stack could not be updated.")
        records.event(kind, reason)

    return arrange


def _far(then: Arranging = lambda _: None) -> Arranging:
    def arrange(records: Records) -> None:
        records.outputs["deployment"] |= FAR
        records.outputs["storage"]["CapturesBucket"] = "captures"
        then(records)

    return arrange


def _replicated(records: Records) -> None:
    records.captures = [{"Key": "capture/production/1.jsonl", "LastModified": MONDAY}]


def _renamed(records: Records) -> None:
    found = records.steps[contract.TRAIN_STEP]["Metadata"]
    found["TrainingJob"]["Arn"] = resource("training-job", "abc-Train-pipelines-")
    records.jobs["Train-pipelines-"] = records.jobs[contract.TRAIN_STEP]


def _not_pretrained(records: Records) -> None:
    records.jobs[contract.TRAIN_STEP]["HyperParameters"]["use_pretrained_model"] = "0"


def _reused(count: float, *statuses: str) -> Arranging:
    """Have Train report so many reused results, after earlier executions with these statuses."""

    def arrange(records: Records) -> None:
        metric = {"MetricName": REUSED_METRIC, "Value": count, "Timestamp": MONDAY}
        records.jobs[contract.TRAIN_STEP]["FinalMetricDataList"].append(metric)
        for status in statuses:
            named = {"PipelineExecutionDisplayName": f"earlier-{status}", "PipelineExecutionStatus": status}
            records.executions.append(records.executions[0] | named)

    return arrange


def _undelivered(records: Records) -> None:
    records.deliveries, records.actions = {}, {}
    records.alarms = [f"{NAME}-ReleaseErrors"]


def _trail(*approvals: str, deliveries: int = 1) -> Arranging:
    """Have the version been updated so often, with an approval status or, where that is empty, without one."""

    def arrange(records: Records) -> None:
        changes = [
            {"modelApprovalStatus": status} if status else {"customerMetadataProperties": {}} for status in approvals
        ]
        records.trail = [{"requestParameters": {"modelPackageArn": PACKAGE} | change} for change in changes]
        records.deliveries = {f"d-{number}": "Succeeded" for number in range(deliveries)}

    return arrange


def _twice(records: Records) -> None:
    records.executions.append(dict(records.executions[0]))


def _set(**changes: object) -> Arranging:
    def arrange(records: Records) -> None:
        for name, value in changes.items():
            setattr(records, name, value)

    return arrange


def _metadata(key: str, value: str) -> Arranging:
    return lambda records: records.package["CustomerMetadataProperties"].update({key: value})


def _card(text: str) -> Arranging:
    return lambda records: records.package["ModelCard"].update(ModelCardContent=text)


def _samples(value: str) -> Arranging:
    return lambda records: records.jobs[contract.TRAIN_STEP]["HyperParameters"].update(num_training_samples=value)


def _monitored(records: Records) -> None:
    records.named_job(f"{NAME}-monitor-20261124")
    records.metrics.add(("", "Violations"))


def _tuned(*more: Arranging, objective: float = 0.75) -> Arranging:
    def arrange(records: Records) -> None:
        tuning(records, objective=objective)
        for each in more:
            each(records)

    return arrange


def _tuning_denied(records: Records) -> None:
    reason = DENIED.format("DescribeHyperParameterTuningJob", resource("hyper-parameter-tuning-job", "x"))
    records.fail(contract.TRAIN_STEP, reason)


# Belief, what makes a healthy run show that it holds, and what makes it show that it failed.
CASES: Final[dict[str, tuple[list[Arranging], list[Arranging]]]] = {
    "image-manifest": (
        [_set(), _failing(contract.PREPROCESS_STEP, "AlgorithmError: archive: no table")],
        [
            _failing(
                contract.PREPROCESS_STEP, "ClientError: Unsupported manifest media type application/vnd.oci.image.index"
            )
        ],
    ),
    "container-user": (
        [_set()],
        [
            _failing(
                contract.PREPROCESS_STEP, "AlgorithmError: [Errno 13] Permission denied: '/opt/ml/processing/output'"
            )
        ],
    ),
    "one-object-input": (
        [_set()],
        [_failing(contract.PREPROCESS_STEP, "ClientError: Data download failed: No S3 objects found under S3 URL")],
    ),
    "job-names": (
        [_set()],
        [
            _renamed,
            _failing(contract.SCORE_STEP, DENIED.format("CreateTransformJob", resource("transform-job", "abc-Score"))),
        ],
    ),
    "role-operations": (
        [_set()],
        [
            _failing(
                contract.REGISTER_STEP, DENIED.format("CreateModelPackageGroup", resource("model-package-group", NAME))
            )
        ],
    ),
    "samples-by-reference": (
        [_set()],
        [_samples("{'Std:JsonGet': 1}"), _failing(contract.TRAIN_STEP, "Unable to read property file DatasetCard")],
    ),
    "trained-by-command": (
        [_set()],
        [_failing(contract.TRAIN_STEP, "ClientError: exec: train: executable file not found in $PATH")],
    ),
    "pretrained-weights": (
        [_set()],
        [_failing(contract.TRAIN_STEP, "AlgorithmError: could not download the pretrained model: timed out")],
    ),
    "served-by-command": (
        [_set()],
        [_failing(contract.SCORE_STEP, "ClientError: The container did not pass the ping health check")],
    ),
    "gate-within-reach": ([_set()], [_rejected("Rejected. balanced accuracy")]),
    "group-creation": (
        [_set()],
        [
            _failing(
                contract.REGISTER_STEP, DENIED.format("CreateModelPackageGroup", resource("model-package-group", NAME))
            )
        ],
    ),
    "metadata-by-reference": (
        [_set()],
        [
            _metadata(contract.METADATA_DATASET, "Std:JsonGet"),
            _failing(contract.REGISTER_STEP, "Invalid CustomerMetadataProperties"),
        ],
    ),
    "card-by-reference": (
        [_set()],
        [
            _card('{"Std:JsonGet": {}}'),
            _card("cut off"),
            _failing(contract.REGISTER_STEP, "ValidationException: ModelCardContent is too long"),
        ],
    ),
    "one-start-for-one-token": ([_set()], [_twice]),
    "approval-event": ([_set()], [_undelivered]),
    "generated-names": (
        [_set()],
        [
            _staging_fails(
                "AWS::SageMaker::Model", f"not authorized to perform: CreateModel on {resource('model', 'Other-1')}"
            )
        ],
    ),
    "served-package": ([_set()], [_set(served="")]),
    "configuration-metrics": ([_set()], [_set(metrics={("EndpointName", f"{NAME}-staging")})]),
    "tuning-tags": ([_tuned()], [_tuning_denied]),
    "tuned-values": (
        [_tuned()],
        [
            _tuned(_metadata(TUNED, "BestTrainingJob")),
            _tuned(_failing(contract.EVALUATE_STEP, "cannot resolve BestTrainingJob.TunedHyperParameters")),
        ],
    ),
    "tuning-objective": ([_tuned()], [_tuned(objective=0.8)]),
    "delivery-key-alias": ([_far()], [_far(_staging_fails("AWS::S3", "kms:Decrypt is not allowed"))]),
    "key-description": ([_far()], [_far(_staging_fails("AWS::S3", "kms:DescribeKey is not allowed"))]),
    "replica-key-alias": ([_far(_replicated)], [_far(_set(alarms=[f"{NAME}-staging-ReplicationFailed"]))]),
    "replica-events": (
        [_far(lambda records: (_replicated(records), records.metrics.add(("", "Predictions")))[0])],
        [_far(_replicated)],
    ),
    "reason-by-reference": ([_rejected("Rejected. balanced accuracy")], [_rejected("{'Std:JsonGet': {}}")]),
    "checkpoints-without-spot": ([_reused(8012), _reused(8012, "Succeeded")], [_reused(0, "Succeeded")]),
    "edit-event": ([_trail("Approved", "")], [_trail("Approved", "", deliveries=2)]),
    "scaling-target": (
        [_set(targets=[f"endpoint/{NAME}-production/variant/All"])],
        [_production_fails("AWS::ApplicationAutoScaling::ScalableTarget", "AccessDenied")],
    ),
    "canary-rollback": (
        [_production_fails("AWS::SageMaker::Endpoint", "an alarm went off; the update was rolled back")],
        [
            lambda records: records.endpoints[f"{NAME}-production"].update(
                FailureReason="Rolled back: alarm ServerErrors"
            )
        ],
    ),
    "monitor-rules": (
        [_monitored],
        [_set(alarms=[f"{NAME}-MonitoringUndelivered"]), lambda records: records.named_job(f"{NAME}-monitor-20261124")],
    ),
    "export-job": (
        [lambda records: records.named_job(f"{NAME}-export-1")],
        [lambda records: records.named_job(f"{NAME}-export-1", "Failed", DENIED.format("x", "y"))],
    ),
}


def _verdict(belief: str, records: Records) -> BeliefVerdict:
    return CHECKS[belief](FirstRunObservations(account(records), lambda: NOW)).verdict


def test_each_belief_has_its_cases() -> None:
    assert list(CASES) == [belief.id for belief in BELIEFS]


@pytest.mark.parametrize(
    ("belief", "arrange", "verdict"),
    [
        (belief, arrange, verdict)
        for belief, (holding, failing) in CASES.items()
        for verdict, arranged in ((BeliefVerdict.HELD, holding), (BeliefVerdict.FAILED, failing))
        for arrange in arranged
    ],
)
def test_a_belief_is_judged_by_what_the_services_answer(
    belief: str, arrange: Arranging, verdict: BeliefVerdict
) -> None:
    records = healthy()
    arrange(records)
    assert _verdict(belief, records) is verdict


@pytest.mark.parametrize("belief", CASES)
def test_where_nothing_has_run_no_belief_is_reached(belief: str) -> None:
    assert _verdict(belief, fresh()) is BeliefVerdict.OPEN


@pytest.mark.parametrize("belief", CASES)
def test_a_failure_that_a_belief_is_not_about_leaves_it_open(belief: str) -> None:
    records = fresh()
    records.executions = healthy().executions
    records.jobs = healthy().jobs
    records.fail(contract.PREPROCESS_STEP, "InternalServerError: try again")
    expected = BeliefVerdict.HELD if belief in ("one-start-for-one-token", "job-names") else BeliefVerdict.OPEN
    assert _verdict(belief, records) is expected


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=ALGORITHMS)
def test_a_healthy_first_run_settles_all_that_preflight_announces(algorithm: AlgorithmSpecification) -> None:
    records = healthy()
    records.outputs["training"]["Algorithm"] = algorithm.name
    announced = {belief.id for belief in settled_beliefs(algorithm, tuning=False, elsewhere=False)}
    found = look_at_first_run(FirstRunObservations(account(records), lambda: NOW), "storage", None).outcomes
    assert {each: found[each].verdict for each in announced} == dict.fromkeys(announced, BeliefVerdict.HELD)


def test_a_belief_about_another_algorithm_is_not_applicable() -> None:
    for algorithm in ALGORITHMS.values():
        records = healthy()
        records.outputs["training"]["Algorithm"] = algorithm.name
        found = look_at_first_run(FirstRunObservations(account(records), lambda: NOW), "storage", None).outcomes
        wanted = {each.id for each in BELIEFS if each.applies is not None and not each.applies(algorithm)}
        assert {each for each, outcome in found.items() if outcome.verdict is BeliefVerdict.NOT_APPLICABLE} == wanted
        assert {found[each].message for each in wanted} == {f"the algorithm is {algorithm.name}"}
    # Each of them is about one algorithm at least.
    assert [each.id for each in BELIEFS if each.applies and not any(map(each.applies, ALGORITHMS.values()))] == []


@pytest.mark.parametrize("algorithm", ["", "laplace"])
def test_where_the_algorithm_is_not_known_what_depends_on_it_is_not_reached(algorithm: str) -> None:
    records = healthy()
    records.outputs["training"] = {**records.outputs["training"], "Algorithm": algorithm}
    if not algorithm:
        del records.outputs["training"]["Algorithm"]
    found = look_at_first_run(FirstRunObservations(account(records), lambda: NOW), "storage", None).outcomes
    dependent = [found[each.id] for each in BELIEFS if each.applies]
    assert {each.verdict for each in dependent} == {BeliefVerdict.OPEN}
    assert all(each.message.startswith("not checked: ") for each in dependent)


@pytest.mark.parametrize("belief", ["checkpoints-without-spot", "scaling-target", "canary-rollback"])
def test_a_healthy_run_that_does_without_it_leaves_a_later_belief_open(belief: str) -> None:
    records = healthy()
    records.targets = ["endpoint/another/variant/All"]
    assert _verdict(belief, records) is BeliefVerdict.OPEN


def test_a_training_from_random_weights_says_nothing_about_pretrained_ones() -> None:
    records = healthy()
    _not_pretrained(records)
    assert _verdict("pretrained-weights", records) is BeliefVerdict.OPEN


def test_a_training_with_nothing_before_it_has_nothing_to_reuse() -> None:
    for earlier in ((), ("Failed",)):
        records = healthy()
        _reused(0, *earlier)(records)
        assert _verdict("checkpoints-without-spot", records) is BeliefVerdict.OPEN


def test_an_archive_that_was_passed_as_a_prefix_settles_nothing() -> None:
    records = healthy()
    records.jobs[contract.PREPROCESS_STEP]["ProcessingInputs"][0]["S3Input"]["S3Uri"] = "s3://raw/archives/"
    assert _verdict("one-object-input", records) is BeliefVerdict.OPEN


def test_a_fresh_approval_has_time_to_start_a_delivery() -> None:
    records = healthy()
    _undelivered(records)
    records.package["LastModifiedTime"] = NOW
    assert _verdict("approval-event", records) is BeliefVerdict.OPEN


def test_what_was_delivered_again_by_hand_or_edited_in_vain_is_no_sign_against_the_event() -> None:
    records = healthy()
    _trail("Approved", "", deliveries=2)(records)
    records.triggers = {"d-0": "arn:aws:iam::111111111111:user/somebody"}
    assert _verdict("edit-event", records) is BeliefVerdict.HELD
    records.trail[1]["errorCode"] = "AccessDenied"
    assert _verdict("edit-event", records) is BeliefVerdict.OPEN


def test_the_format_of_the_image_is_named() -> None:
    outcome = CHECKS["image-manifest"](FirstRunObservations(account(healthy()), lambda: NOW))
    assert outcome.message == f"{DOCKER}: pulled"


def test_a_tuning_reads_its_samples_from_what_its_jobs_share() -> None:
    records = healthy()
    tuning(records)
    records.jobs["tuning"]["TrainingJobDefinition"] = {
        "StaticHyperParameters": {"num_training_samples": "8012"},
        "AlgorithmSpecification": {"TrainingInputMode": "File"},
        "RoleArn": "arn:aws:iam::111111111111:role/jobs",
        "OutputDataConfig": {"S3OutputPath": "s3://runs/"},
        "StoppingCondition": {},
    }
    assert _verdict("samples-by-reference", records) is BeliefVerdict.HELD
