# SPDX-License-Identifier: MIT-0
"""What a tuning found: a table of its jobs, the best first, and what its figures are worth."""

from datetime import datetime
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from local.column import clock
from local.document import Object
from local.execution import Record
from local.trial import rounded

_STYLES: Final = {"Completed": "", "Failed": "red"}
# The highest of several figures is, on average, higher than what its job is worth.
_FLATTERED: Final = "It was chosen as the best by this figure, which flatters it. No job saw the test images."


def show(record: Record, console: Console) -> None:
    """Print the jobs of each Tuning step of an execution.

    Args:
        record: The execution.
        console: Where to.
    """
    for entry in record.steps:
        if jobs := entry.get("Properties", {}).get("TrainingJobSummaries"):
            config = entry["Properties"]["HyperParameterTuningJobConfig"]
            objective = config["HyperParameterTuningJobObjective"]["MetricName"]
            console.print(f"\n{entry['StepName']}: {len(jobs)} jobs, the best by {objective} first")
            console.print(_table(jobs))
            console.print(_FLATTERED, style="dim")


def _table(jobs: list[Object]) -> Table:
    names = list(jobs[0]["TunedHyperParameters"])
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("job")
    for column in (*names, "objective", "time", ""):
        table.add_column(column.replace("_", " "), justify="right")
    for number, job in enumerate(jobs):
        values = [rounded(value) for value in job["TunedHyperParameters"].values()]
        status = job["TrainingJobStatus"]
        mark = "best" if number == 0 else "" if status == "Completed" else status.lower()
        cells = [job["TrainingJobName"].rpartition("-")[2], *values, _reached(job), _took(job)]
        table.add_row(*cells, Text(mark, style=_STYLES[status]), style="bold" if number == 0 else None)
    return table


def _reached(job: Object) -> str:
    metric = job.get("FinalHyperParameterTuningJobObjectiveMetric")
    return f"{metric['Value']:.4f}" if metric else "none"


def _took(job: Object) -> str:
    started, ended = (datetime.fromisoformat(job[f"Training{name}Time"]) for name in ("Start", "End"))
    return clock((ended - started).total_seconds())
