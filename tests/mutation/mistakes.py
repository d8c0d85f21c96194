# SPDX-License-Identifier: MIT-0
"""Mistakes of meaning that an editor makes in one place: another split, another order, a guard less.

Each takes the tests of its own room to fail, which `make mistakes` shows one by one. Guards of the jobs that raise are
found by removed_guards.py, and all properties of templates are in tests/stacks/golden/.
"""

from typing import Final

_TEMPLATES: Final = "tests/stacks/test_protective.py -k reviewed_ones[everything]"
_REVIEW: Final = "tests/review/test_review_workflow.py"
_REPOSITORY: Final = "tests/test_repository.py"
_EVALUATION: Final = "tests/jobs/evaluation"
_LEAKS: Final = "tests/jobs/leakage"
_DEFINITION: Final = "tests/pipeline_src/test_definition_golden.py"
_GATE: Final = "tests/pipeline_src/gate"
_IMAGE: Final = {
    "any base image": ("python:3.11-slim-bookworm", "python:latest"),
    "packages without hashes": ("--require-hashes ", ""),
    "image as root": ("USER ${", "# USER ${"),
}
# File and the tests that have to fail, as arguments of pytest -> name -> what stands there once, and what it becomes.
MISTAKES: Final = {
    **{
        (f"containers/{image}/Dockerfile", "tests/stacks/test_image_guards.py"): _IMAGE
        for image in ("preprocessing", "model_server", "fine_tuning")
    },
    ("stacks/constructs/buckets_and_keys.py", _TEMPLATES): {
        "a bucket is public": (
            "aws_s3.BlockPublicAccess.BLOCK_ALL",
            "aws_s3.BlockPublicAccess(block_public_policy=False)",
        ),
        "TLS is not asked for": ('"enforce_ssl": True', '"enforce_ssl": False'),
        "buckets have no versions": ('"versioned": True', '"versioned": False'),
        "old versions go after a day": ("Duration.days(settings.retention.noncurrent_days)", "Duration.days(1)"),
        "data goes with its stack": ('settings.retention.data == "keep"', 'settings.retention.data == "kept"'),
    },
    ("stacks/storage/storage_stack.py", _TEMPLATES): {
        "runs expire after 30 days": ("expiration=expiration)", "expiration=Duration.days(30))"),
    },
    ("stacks/endpoint/endpoint_alarms.py", _TEMPLATES): {
        "the guard watches another namespace": ('namespace="AWS/SageMaker"', 'namespace="AWS/Sagemaker"'),
        "the guard fires late": ("datapoints_to_alarm=2", "datapoints_to_alarm=3"),
        "missing data counts as it is": ("TreatMissingData.NOT_BREACHING", "TreatMissingData.IGNORE"),
        "nobody hears the guard": ("alarm.add_alarm_action(aws_cloudwatch_actions.SnsAction(topic))", "pass"),
    },
    ("stacks/retraining/retraining_start.py", _TEMPLATES): {
        "the starter does not look again": ("asked.add_retry(**_RETRY_OPTIONS)", "pass"),
        "a retraining may hang": ("Duration.hours(24)", "Duration.hours(240)"),
        "executions leave no log": ("LogLevel.ALL", "LogLevel.OFF"),
        "a retraining reads every prefix": ("contract.ARCHIVES_PREFIX, contract.ADDITIONS_PREFIX", '""'),
    },
    ("stacks/endpoint/endpoint_stack.py", _TEMPLATES): {
        "the model has a network": ("enable_network_isolation=True", "enable_network_isolation=False"),
        "the old model is deleted at once": ("CfnDeletionPolicy.RETAIN", "CfnDeletionPolicy.DELETE"),
    },
    ("stacks/storage/lambda_function.py", _TEMPLATES): {
        "a function's log is kept for ever": ("retention=log_retention(settings),", ""),
    },
    ("stacks/monitoring/alarms_and_notifications.py", _TEMPLATES): {
        "a rejected version waits for approval": (
            '"ModelApprovalStatus": ["PendingManualApproval"]',
            '"ModelApprovalStatus": ["Rejected"]',
        ),
    },
    ("stacks/training/job_roles.py", "tests/stacks/test_tuning.py"): {
        "a tuning touches others' jobs": ('where={"StringEquals": own})', "where=None)"),
    },
    ("Makefile", _REPOSITORY): {
        "environments without hashes": (
            "SYNC := $(UV) pip sync --quiet --require-hashes",
            "SYNC := $(UV) pip sync --quiet",
        ),
    },
    ("containers/preprocessing/requirements.txt", _REPOSITORY): {
        "a lock without a hash": ("numpy==", "numpy>="),
    },
    (".github/workflows/checks.yml", _REPOSITORY): {
        "the checks leave the tests out": ("      - run: make test\n", ""),
    },
    (".github/workflows/checks.yml", _REVIEW): {
        "every branch may write": ("permissions:\n  contents: read", "permissions: write-all"),
    },
    (".ci/run", _REPOSITORY): {
        "CI leaves the tests out": ("hostile test\n", ""),
    },
    (".github/workflows/pull-request.yml", _REVIEW): {
        "what runs a pull request's code may write": (
            "timeout-minutes: 60\n    permissions:\n      contents: read",
            "timeout-minutes: 60\n    permissions:\n      contents: write",
        ),
        "a pull request's code gets secrets": ("on: pull_request\n", "on: pull_request_target\n"),
    },
    (".github/workflows/audit.yml", _REVIEW): {
        "an action is not pinned": ("checkout@11bd71901bbe5b1630ceea73d27597364c9af683", "checkout@v4"),
    },
    ("pipeline_src/contract.py", "tests/jobs/test_another_class.py"): {
        "labels in another order": (
            "for each in CLASSES)\nCLASS_TITLES",
            "for each in reversed(CLASSES))\nCLASS_TITLES",
        ),
        "labels in the order of the alphabet": (
            "CLASS_LABELS: Final = tuple(each.label for each in CLASSES)",
            "CLASS_LABELS: Final = tuple(sorted(each.label for each in CLASSES))",
        ),
    },
    ("pipeline_src/class_labels.py", "tests/jobs/test_another_class.py"): {
        "another class is the melanoma": ('MELANOMA: Final = "mel"', 'MELANOMA: Final = "nv"'),
        "premalignant lesions count as benign": (
            'intraepithelial carcinoma",\n        malignant=True',
            'intraepithelial carcinoma",\n        malignant=False',
        ),
    },
    ("pipeline_src/evaluation/model_measurement.py", f"{_EVALUATION}/test_evaluate_images.py"): {
        "the threshold is chosen on test images": ("choose_operating_point(base,", "choose_operating_point(test,"),
        "the threshold is chosen on production's images too": (
            "choose_operating_point(base,",
            "choose_operating_point(validation,",
        ),
        "the temperature is fitted to test images": (
            "measure_calibration(base, test,",
            "measure_calibration(test, test,",
        ),
        "the temperature is fitted to production's images too": (
            "measure_calibration(base, test,",
            "measure_calibration(validation, test,",
        ),
        "the figures are of validation images": (
            "estimate_metrics(test, melanoma",
            "estimate_metrics(validation, melanoma",
        ),
        "subgroups are of validation images": (
            "measure_subgroups(test, resamples)",
            "measure_subgroups(validation, resamples)",
        ),
    },
    ("pipeline_src/evaluation/operating_point.py", f"{_EVALUATION}/test_evaluate_operating_point.py"): {
        "fewer melanomas are found than asked for": ("math.ceil(", "math.floor("),
    },
    ("pipeline_src/dataset/lesion_split.py", "tests/jobs/dataset/test_lesion_split.py"): {
        "the split is by another key": ("split 1", "split 2"),
        "the split is by image": ("lesions[row.label].add(row.lesion_id)", "lesions[row.label].add(row.image_id)"),
        "validation and test are exchanged": (
            "if position < fractions.test:\n        return contract.TEST",
            "if position < fractions.test:\n        return contract.VALIDATION",
        ),
    },
    ("pipeline_src/dataset/lesion_split.py", "tests/jobs/dataset/test_additional_archive.py"): {
        "additional lesions are tested": (
            "return contract.VALIDATION if validated else contract.TRAIN",
            "return contract.TEST if validated else contract.TRAIN",
        ),
    },
    ("pipeline_src/leakage/leak_audit.py", _LEAKS): {
        "only the twin is left out": (
            "for number in lesion.get(contract.TRAIN, ())}",
            "for number in lesion.get(contract.TRAIN, ())[:1]}",
        ),
        "equal bytes are no leak": ("[*found, *equal])\n    affected", "[*found])\n    affected"),
        "what leaks is not counted": ("leaked=_count_images_seen(kept, contract.TEST, contract.TRAIN)", "leaked=0"),
        "production's validation images are not compared": (
            "number: near_duplicates.ADDED_VALIDATION for",
            "number: contract.VALIDATION for",
        ),
    },
    ("pipeline_src/evaluation/model_predictions.py", f"{_EVALUATION}/test_evaluate_scores.py"): {
        "a score of another image is taken": ("    if extra:", "    if False:"),
    },
    ("pipeline_src/evaluation/model_predictions.py", f"{_EVALUATION}/test_evaluate_holdout.py"): {
        "one lesion in two splits is evaluated": ("    _refuse_leaks(path, images)\n", ""),
        "training images are evaluated": ("if image.split != contract.TRAIN]", "if image.split]"),
    },
    ("pipeline_src/evaluation/model_predictions.py", f"{_EVALUATION}/test_evaluate_operating_point.py"): {
        "a melanoma is another class": (
            "self.probabilities[:, contract.CLASS_LABELS.index(contract.MELANOMA)]",
            "self.probabilities[:, 1]",
        ),
    },
    ("pipeline_src/class_probabilities.py", f"{_EVALUATION}/test_evaluate_scores.py"): {
        "scores need not add up to 1": ("TOLERANCE: Final = 1e-3", "TOLERANCE: Final = 1.0"),
    },
    ("pipeline_src/algorithms/serving/onnx_artifact.py", "tests/jobs/algorithms/test_onnx_artifact.py"): {
        "a damaged archive of the model is taken": ("if digest != expected:", "if not digest:"),
    },
    ("pipeline_src/definition/job_specs.py", _DEFINITION): {
        "a training has a network": ('"enable_network_isolation": True', '"enable_network_isolation": False'),
    },
    ("pipeline_src/definition/job_specs.py", "tests/pipeline_src/test_definition_tuning.py"): {
        "a tuned training has a network": ('"EnableNetworkIsolation": True', '"EnableNetworkIsolation": False'),
    },
    ("pipeline_src/definition/pipeline.py", _DEFINITION): {
        "a job has a network": (
            "NetworkConfig(enable_network_isolation=True)",
            "NetworkConfig(enable_network_isolation=False)",
        ),
        "a job is not tried again": ('"retry_policies": self.retries(kind)', '"retry_policies": []'),
    },
    ("operations/functions/endpoint_answers.py", "tests/operations/functions/test_answer.py"): {
        "any score is the evaluation's": ("SCORE_TOLERANCE: Final = 1e-3", "SCORE_TOLERANCE: Final = 1.0"),
    },
    ("operations/functions/model_delivery.py", "tests/operations/functions/test_release.py"): {
        "what is not approved is delivered": (
            "if found.status != model_package.APPROVED_STATUS:",
            "if not found.status:",
        ),
        "an edit starts a delivery": (
            "    if leaves_approval_unchanged(request.detail):\n        return _nothing",
            "    if False:\n        return _nothing",
        ),
        "a repeated event delivers twice": ("    if needless:", "    if False:"),
    },
    ("operations/functions/model_delivery.py", "tests/operations/functions/test_champion.py"): {
        "the champion is not what the endpoint serves": ("if served != wanted:", "if not served:"),
        "an endpoint that failed is promoted": ('if status != "InService":', 'if status == "Unknown":'),
    },
    ("pipeline_src/gate.py", _GATE): {
        "what cannot be judged passes": (
            "{MET, NO_CHAMPION, NOT_COMPARED, NOT_ASKED}",
            "{MET, NOT_EVALUABLE, NO_CHAMPION, NOT_COMPARED, NOT_ASKED}",
        ),
        "one requirement is enough": (
            "if missed else contract.VERDICT_PASS",
            "if len(missed) == len(requirements) else contract.VERDICT_PASS",
        ),
        "an upper limit is a lower one": (
            "AT_MOST if name in UPPER_THRESHOLDS",
            "AT_LEAST if name in UPPER_THRESHOLDS",
        ),
        "the loss is the smallest": ("JudgedValue(got=-lower,", "JudgedValue(got=-upper,"),
        "the best class is judged": ("worst, figure = min(", "worst, figure = max("),
        "a value is rounded up": ("ROUNDING: Final = 1e-9", "ROUNDING: Final = 1e-2"),
        "the lower bound is the value": (
            '"balanced_accuracy_lower": _estimate("balanced_accuracy", judge="lower")',
            '"balanced_accuracy_lower": _estimate("balanced_accuracy")',
        ),
    },
    ("pipeline_src/gate_thresholds.py", _DEFINITION): {
        "a threshold of the default is the demo's": ("melanoma_sensitivity=0.80", "melanoma_sensitivity=0.50"),
    },
    ("pipeline_src/gate_thresholds.py", _GATE): {
        "leaks are allowed": (
            "leaked_test_images=0,\n        champion_balanced_accuracy_loss=0.07",
            "leaked_test_images=5,\n        champion_balanced_accuracy_loss=0.07",
        ),
    },
}
