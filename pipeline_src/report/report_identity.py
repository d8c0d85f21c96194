# SPDX-License-Identifier: MIT-0
"""Identifies a report: execution, start time, gate profile, algorithm, archive and commit.

A job has no clock. The start time is that of the pipeline execution, which passes it as a noted value.
"""

import re
from collections.abc import Iterator
from typing import Final

from pipeline_src import contract
from pipeline_src.evaluation.evaluation_json import ModelEvaluation, archive_sha256_of_card
from pipeline_src.report import report_wording

_TIME: Final = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(:\d{2}(\.\d+)?)?(Z|\+00:00)?")
_SHORT: Final = 12  # characters of a digest or a commit in the header; Provenance has all


def report_title(evaluation: ModelEvaluation) -> str:
    """Return the title of the page: verdict and execution."""
    passed = evaluation.verdict.verdict == contract.VERDICT_PASS
    return f"{'Passed' if passed else 'Rejected'}: {report_heading(evaluation)}"


def report_heading(evaluation: ModelEvaluation) -> str:
    """Return the heading of the page, with the execution where it is known."""
    execution = evaluation.provenance.get(contract.EXECUTION_FACT, "")
    return f"evaluation {execution} of the skin-lesion classifier".replace("  ", " ")


def report_identity(evaluation: ModelEvaluation) -> dict[str, str]:
    """Return what identifies the report, value by name, without what is unknown."""
    return {name: value for name, value in _facts(evaluation) if value and value != "unknown"}


def _facts(evaluation: ModelEvaluation) -> Iterator[tuple[str, str]]:
    known = evaluation.provenance
    yield "execution", known.get(contract.EXECUTION_FACT, "")
    yield "started", format_start_time(known.get(contract.STARTED_FACT, ""))
    yield "gate profile", report_wording.gate_profile(evaluation.verdict)
    yield "algorithm", known.get(contract.ALGORITHM_FACT, "")
    yield "archive", archive_sha256_of_card(evaluation.card)[:_SHORT]
    yield "commit", known.get(contract.SOURCE_COMMIT_PARAMETER, "")[:_SHORT]


def format_start_time(text: str) -> str:
    """Return a time in ISO 8601 as ``2026-11-30 21:03 UTC``; any other text as it is."""
    found = _TIME.fullmatch(text)
    return f"{found[1]} {found[2]} UTC" if found else text
