# SPDX-License-Identifier: MIT-0
"""What the functions and the monitor's job must agree on; the job's modules are read, not imported."""

import ast
from pathlib import Path
from typing import Any

import pytest

from operations.functions import monitoring_runs
from operations.functions.function_payloads import LABELS
from pipeline_src import contract, label_table

JOB_SOURCE = Path(contract.__file__).parent


def constant(module: str, name: str) -> Any:
    """Return a constant of one of the job's modules."""
    tree = ast.parse((JOB_SOURCE / f"{module}.py").read_text())
    (found,) = [
        each.value
        for each in tree.body
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and each.target.id == name
    ]
    return getattr(contract, found.attr) if isinstance(found, ast.Attribute) else ast.literal_eval(found)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("module", "name", "ours"),
    [
        ("drift/drift_baseline", "STATISTICS_FILE", contract.MONITOR_STATISTICS_FILE),
        ("drift/drift_baseline", "CONSTRAINTS_FILE", contract.MONITOR_CONSTRAINTS_FILE),
        ("jobs/monitor", "SUMMARY_FILE", monitoring_runs.MONITOR_RESULT_FILE),
        ("jobs/monitor", "REPORT_PAGE_FILE", monitoring_runs.MONITOR_PAGE_FILE),
        ("drift/ground_truth", "ID_COLUMNS", label_table.LABEL_ID_COLUMNS),
        ("drift/monitor_results", "STATUS_COMPARED", monitoring_runs.RESULT_STATUS_COMPARED),
    ],
)
def test_files_columns_and_words_are_called_the_same_on_both_sides(module: str, name: str, ours: Any) -> None:
    assert constant(module, name) == ours


def test_the_job_reads_each_variable_that_it_is_given() -> None:
    """But the format and the switch of the metrics, of which there is one kind each."""
    source = (JOB_SOURCE / "drift/job_environment.py").read_text()
    given = {"dataset_source", "output_path", "labels_source", "start_time", "end_time", "sagemaker_endpoint_name"}
    given |= {"baseline_statistics", "baseline_constraints", "sagemaker_monitoring_schedule_name"}
    assert {each for each in given if f'"{each}"' not in source} == set()
    text = Path(monitoring_runs.__file__).read_text()
    assert {each for each in given if each not in text and not each.startswith("baseline_")} == set()
    assert LABELS == "labels"
