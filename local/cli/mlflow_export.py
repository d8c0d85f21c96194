# SPDX-License-Identifier: MIT-0
"""Exports runs to MLflow: parameters, metrics with the ends of their intervals, report, and the model package.

It happens outside of the jobs, which have no network, from what is known of a run afterwards. It is repeatable: a run
of the pipeline becomes one run of MLflow, found by a tag. An unchanged one is left alone; one whose approval has
changed gets new tags; one that an interrupted export left unfinished is made anew.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from local.errors import LocalError, UsageError
from local.json_files import Json, canonical_json
from pipeline_src import contract
from pipeline_src.run_facts import CRASHED, RUNNING, STOPPED, RunFacts, RunHistory

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

EXPERIMENT: Final = "skin-lesion"
RUN_TAG: Final = "lesions.run"
_DIGEST_TAG: Final = "lesions.digest"  # written last: a run without it is unfinished
_NAME_TAG: Final = "mlflow.runName"
_STATUSES: Final = {CRASHED: "FAILED", STOPPED: "KILLED"}
_TAG_LENGTH: Final = 500  # characters; MLflow refuses values of more than 5,000
_ARTIFACTS: Final = (contract.REPORT_FILE, contract.EVALUATION_FILE)
# MLflow tries again for minutes and reports its use to its makers, unless told not to.
_ENVIRONMENT: Final = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
}


@dataclass
class ExportCounts:
    """Ids of the runs by what the export did with them."""

    made: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)


def export_to_mlflow(history: RunHistory, uri: str) -> ExportCounts:
    """Export the runs of `history` that have ended to the tracking server `uri`.

    Args:
        history: The runs.
        uri: Address of a server, a database, or the ARN of a tracking server of SageMaker.

    Raises:
        UsageError: The server cannot be used.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # Importing MLflow takes seconds.
    from mlflow.exceptions import MlflowException  # noqa: PLC0415
    from mlflow.tracking import MlflowClient  # noqa: PLC0415

    counts = ExportCounts()
    try:
        client = MlflowClient(tracking_uri=uri)
        experiment = _experiment_id(client)
        known = {run.data.tags[RUN_TAG]: run for run in _exported_runs(client, experiment)}
        for facts in history.runs:
            if facts.outcome != RUNNING:
                _export_run(client, experiment, facts, known.get(facts.run), counts)
    except LocalError:
        raise
    except (MlflowException, OSError, ValueError, ImportError) as error:
        cause = " ".join(str(error).split())[:300]
        raise UsageError(
            f"--mlflow {uri}: {cause} Check address and credentials, then export again: it continues."
        ) from error
    return counts


def _experiment_id(client: "MlflowClient") -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    return str(found.experiment_id if found else client.create_experiment(EXPERIMENT))


def _exported_runs(client: "MlflowClient", experiment: str) -> Iterator["Run"]:
    token = None
    while True:
        page = client.search_runs([experiment], f"tags.`{RUN_TAG}` != ''", page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _export_run(
    client: "MlflowClient", experiment: str, facts: RunFacts, known: "Run | None", counts: ExportCounts
) -> None:
    digest = hashlib.sha256(canonical_json(asdict(facts) | {"report": bool(facts.report)}).encode()).hexdigest()
    if known is not None and known.data.tags.get(_DIGEST_TAG) == digest:
        counts.unchanged.append(facts.run)
        return
    if known is not None and _DIGEST_TAG in known.data.tags:
        _set_tags(client, known.info.run_id, facts, digest)
        counts.updated.append(facts.run)
        return
    if known is not None:
        client.delete_run(known.info.run_id)
    _make_run(client, experiment, facts, digest)
    counts.made.append(facts.run)


def _make_run(client: "MlflowClient", experiment: str, facts: RunFacts, digest: str) -> None:
    from mlflow.entities import Metric, Param  # noqa: PLC0415  as above

    start = round(datetime.fromisoformat(facts.started).timestamp() * 1000)
    end = start + round(1000 * (facts.seconds or 0))
    made = client.create_run(experiment, start_time=start, tags={RUN_TAG: facts.run, _NAME_TAG: facts.run})
    run = made.info.run_id
    given = {"algorithm": facts.algorithm, "profile": facts.profile, **facts.parameters}
    client.log_batch(
        run,
        metrics=[Metric(name, value, end, 0) for name, value in mlflow_metrics(facts.metrics)],
        params=[Param(name, str(value)) for name, value in given.items() if value != ""],
    )
    for path in _artifacts(facts):
        client.log_artifact(run, str(path))
    client.set_terminated(run, _STATUSES.get(facts.outcome, "FINISHED"), end)
    _set_tags(client, run, facts, digest)


def mlflow_metrics(metrics: Mapping[str, Json]) -> Iterator[tuple[str, float]]:
    """Yield each value with its name, ``balanced_accuracy``, and the ends of its interval, ``..._lower``."""
    for title, figure in metrics.items():
        parts = figure if isinstance(figure, dict) else {"value": figure}
        for part, suffix in (("value", ""), ("lower", "_lower"), ("upper", "_upper")):
            if parts.get(part) is not None:
                yield f"{title.replace(' ', '_')}{suffix}", float(parts[part])


def _artifacts(facts: RunFacts) -> Iterable[Path]:
    if not facts.report:
        return []
    folder = Path(facts.report).parent
    return [folder / name for name in _ARTIFACTS if (folder / name).is_file()]


def _set_tags(client: "MlflowClient", run: str, facts: RunFacts, digest: str) -> None:
    tags = {"outcome": facts.outcome, "model_package": facts.package, "approval": facts.approval}
    for name, value in {**tags, "reason": facts.reason, _DIGEST_TAG: digest}.items():
        if value:
            client.set_tag(run, name, value[:_TAG_LENGTH])
