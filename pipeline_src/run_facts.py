# SPDX-License-Identifier: MIT-0
"""What lists, pages and exports say of one run of the pipeline. Standard library only.

The local runner makes it from its records, the operations from the executions of an account.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

Json: TypeAlias = Any  # the result of json.loads

PASSED, REJECTED, CRASHED, STOPPED, RUNNING, PARTIAL = "passed", "rejected", "crashed", "stopped", "running", "partial"
OUTCOMES: Final = (PASSED, REJECTED, CRASHED, STOPPED, RUNNING, PARTIAL)

# ModelApprovalStatus, and its word in lists.
APPROVAL_WORDS: Final = {"PendingManualApproval": "pending", "Approved": "approved", "Rejected": "rejected"}

BALANCED_ACCURACY: Final = "balanced accuracy"
MELANOMA_SENSITIVITY: Final = "melanoma sensitivity"
MELANOMA_SPECIFICITY: Final = "melanoma specificity"
# The metrics of a run by their title, in the order in which they are listed, and their place in evaluation.json.
METRIC_PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    BALANCED_ACCURACY: ("balanced_accuracy",),
    "accuracy": ("accuracy",),
    "malignant sensitivity": ("malignant_sensitivity",),
    MELANOMA_SENSITIVITY: ("melanoma", "sensitivity"),
    MELANOMA_SPECIFICITY: ("melanoma", "specificity"),
    "melanoma auc": ("melanoma", "auc"),
}


@dataclass(frozen=True)
class RunFacts:
    """One run.

    Attributes:
        run: Id of the execution.
        started: Start in ISO 8601.
        seconds: Its duration; None while it runs.
        outcome: One of `OUTCOMES`: `rejected` by the gate, `crashed` in a step, `partial` where it ended before the
            gate's decision, as after ``--until``.
        algorithm: What Train ran; empty where it is not known, as for a definition of the user's own.
        profile: Profile of the gate; empty where it is not known.
        parameters: The parameters that differ from their defaults.
        metrics: Estimates on the test images by title, as in evaluation.json.
        package: ARN of its model package, empty for none.
        approval: Approval status of the package.
        report: Path of its report, empty for none.
        reason: Why it failed, empty if it did not.
    """

    run: str
    started: str
    seconds: float | None
    outcome: str
    algorithm: str
    profile: str
    parameters: Mapping[str, Json]
    metrics: Mapping[str, Json]
    package: str
    approval: str
    report: str
    reason: str


HISTORY_FILE: Final = "runs.json"


@dataclass(frozen=True)
class RunHistory:
    """All runs, oldest first.

    Attributes:
        title: Whose runs they are.
        champion: ARN of the model package that new models are compared with, empty for none.
        runs: The runs.
        mlflow: ARN of the MLflow tracking server of the deployment, empty for none.
    """

    title: str
    champion: str
    runs: tuple[RunFacts, ...]
    mlflow: str = ""

    @classmethod
    def of(cls, document: Json) -> "RunHistory":
        """Return the history in a document that `dataclasses.asdict` made.

        Raises:
            TypeError, KeyError: It is none.
        """
        return cls(**{**document, "runs": tuple(RunFacts(**each) for each in document["runs"])})


def evaluated_metrics(evaluation: Json) -> dict[str, Json]:
    """Return the metrics that an evaluation.json has, by title in the order of `METRIC_PLACES`."""
    found = {}
    for title, place in METRIC_PLACES.items():
        value = evaluation
        for key in place:
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None:
            found[title] = value
    return found


def execution_outcome(status: str, failed_types: Iterable[str], *, registered: bool) -> str:
    """Return one of `OUTCOMES`.

    Args:
        status: PipelineExecutionStatus.
        failed_types: Types of the steps that failed; the gate rejects by a step of the type Fail.
        registered: Whether a model package was registered.
    """
    if status in ("Executing", "Stopping"):
        return RUNNING
    types = set(failed_types)
    if types:
        return REJECTED if types == {"Fail"} else CRASHED
    if status != "Succeeded":
        return STOPPED if status == "Stopped" else CRASHED
    return PASSED if registered else PARTIAL
