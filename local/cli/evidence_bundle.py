# SPDX-License-Identifier: MIT-0
"""Writes the evidence for the review of one model as a ZIP file.

Its bytes depend only on the run and on the decision on its model package, not on the time or on paths.
"""

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from local import json_files
from local.aws.model_registry import ModelRegistry
from local.aws.pipeline_executions import DEFINITION_FILE, RECORD_FILE, ExecutionRecord
from local.aws.s3_store import LocalHome
from local.command_hints import program_command
from local.errors import UsageError
from local.json_files import Json, JsonObject
from pipeline_src import contract

GATE_FILE: Final = "gate.csv"
PACKAGE_FILE: Final = "model_package.json"
CHECKSUMS_FILE: Final = "SHA256SUMS"
README_FILE: Final = "README.txt"
BUNDLE_CONTENTS: Final = {
    README_FILE: "this text",
    contract.MODEL_CARD_FILE: "the model card: intended use, exclusions, licence, figures, limits",
    contract.REPORT_FILE: "the report; opens in a browser, offline",
    GATE_FILE: "the gate's table: each requirement with threshold, value, interval and verdict",
    contract.EVALUATION_FILE: "every figure, and the gate's verdict",
    contract.PREDICTIONS_FILE: "the model's probabilities for each evaluated image, from which all figures follow",
    contract.DATASET_CARD_FILE: "content and split of the archive, its SHA-256, warnings",
    DEFINITION_FILE: "the executed pipeline definition",
    RECORD_FILE: "the execution: parameters, steps, times and status",
    PACKAGE_FILE: "the registered model package, with the decision on it",
    CHECKSUMS_FILE: "checksums of the other files: sha256sum --check SHA256SUMS",
}
_COLUMNS: Final = ("name", "wanted_text", "got_text", "interval_text", "images", "verdict", "place")
_TITLES: Final = ("requirement", "wanted", "got", "95 % interval", "images", "verdict", "where")
_RUN_FIELDS: Final = (
    *("PipelineArn", "PipelineExecutionArn", "PipelineExecutionStatus", "FailureReason"),
    *("CreationTime", "LastModifiedTime", "PipelineParameters"),
)
_STEP_FIELDS: Final = (
    "StepName",
    "StepType",
    "StepStatus",
    "StartTime",
    "EndTime",
    "CacheHitResult",
    "FailureReason",
    "SelectiveExecutionResult",
)
_ZIP_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the earliest time of a ZIP entry
_FILE_MODE: Final = 0o644 << 16


def write_evidence_bundle(record: ExecutionRecord, home: LocalHome, path: Path) -> list[str]:
    """Write the bundle of a run, also of a rejected one, and return the names of its files.

    Args:
        record: The execution.
        home: Folder of the model registry.
        path: The ZIP file, which must not exist.

    Raises:
        UsageError: The file exists, the run has no evaluation, or one of its files is missing.
    """
    if path.exists():
        raise UsageError(f"--evidence {path}: already exists; evidence files are never overwritten. Use another name.")
    files = collect_evidence(record, home)
    files[CHECKSUMS_FILE] = "".join(
        f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files)
    ).encode()
    json_files.write_file_atomically(path, _zip_files(files))
    return sorted(files)


def collect_evidence(record: ExecutionRecord, home: LocalHome) -> dict[str, bytes]:
    """Return the content of the bundle by file name, without the checksums.

    Raises:
        UsageError: The run has no evaluation, or one of its files is missing.
    """
    files = {name: _read_source(path) for name, path in _source_paths(record).items()}
    gate = json.loads(files[contract.EVALUATION_FILE]).get("gate", {})
    arn = record.package_arn
    package = ModelRegistry(home.registry).describe(arn) if arn else None
    files[GATE_FILE] = gate_table_csv(gate.get("requirements", []))
    # Only the API's fields: those of this runner have paths of this machine.
    steps = [{name: step[name] for name in _STEP_FIELDS if name in step} for step in record.steps]
    fields = {name: record.data[name] for name in _RUN_FIELDS if name in record.data}
    files[RECORD_FILE] = _json_bytes(fields | {"PipelineExecutionSteps": steps})
    if package is not None:
        files[PACKAGE_FILE] = _json_bytes(package)
    files[README_FILE] = _readme_text(record, gate, package, {README_FILE, CHECKSUMS_FILE, *files})
    return files


def gate_table_csv(requirements: list[JsonObject]) -> bytes:
    """Return the gate's table as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_TITLES)
    writer.writerows(["" if (value := each.get(name)) is None else value for name in _COLUMNS] for each in requirements)
    return text.getvalue().encode()


def _source_paths(record: ExecutionRecord) -> dict[str, Path]:
    """Return the paths of the run's files by their names in the bundle."""
    evaluation = _step_output_folder(record, contract.EVALUATE_STEP, contract.EVALUATION_OUTPUT)
    names = (contract.EVALUATION_FILE, contract.REPORT_FILE, contract.MODEL_CARD_FILE, contract.PREDICTIONS_FILE)
    dataset = _step_output_folder(record, contract.PREPROCESS_STEP, contract.DATASET_OUTPUT)
    return {name: evaluation / name for name in names} | {
        contract.DATASET_CARD_FILE: dataset / contract.DATASET_CARD_FILE,
        DEFINITION_FILE: record.path.with_name(DEFINITION_FILE),
    }


def _step_output_folder(record: ExecutionRecord, step: str, output: str) -> Path:
    folder = record.output_folder(step, output)
    if folder is None:
        run, show = record.execution_id, f"{program_command()} show {record.execution_id}"
        raise UsageError(f"run {run}: {step} has no output (the run is {record.status}). See why: {show}")
    return folder


def _read_source(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file, so the evidence is incomplete. Run the pipeline again.") from None


def _readme_text(
    record: ExecutionRecord, gate: Mapping[str, Json], package: JsonObject | None, names: set[str]
) -> bytes:
    parameters = {each["Name"]: each["Value"] for each in record.data["PipelineParameters"]}
    decision = "none"
    if package:
        decision, reason = package["ModelApprovalStatus"], package.get("ApprovalDescription")
        if reason:
            decision = f"{decision}, {package['LastModifiedTime']}: {reason}"
    facts = {
        "Run": f"{record.data['PipelineExecutionArn']} ({record.status})",
        "Commit": parameters.get(contract.SOURCE_COMMIT_PARAMETER, "not recorded"),
        "Gate": gate.get("reason"),
        "Package": package["ModelPackageArn"] if package else "none: a model that the gate rejects is not registered",
        "Decision": decision,
    }
    lines = ["Evidence for the review of one model. For research use only; not a medical device.", ""]
    lines += [f"{name:<9} {value}" for name, value in facts.items()]
    lines += ["", *(f"{name:<20} {text}" for name, text in BUNDLE_CONTENTS.items() if name in names)]
    return ("\n".join(lines) + "\n").encode()


def _json_bytes(content: Json) -> bytes:
    return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()


def _zip_files(files: Mapping[str, bytes]) -> bytes:
    content = io.BytesIO()
    with ZipFile(content, "w") as bundle:
        for name in sorted(files):
            entry = ZipInfo(name, _ZIP_EPOCH)
            entry.external_attr = _FILE_MODE
            entry.create_system = 3  # Unix on every system, so that the bytes are the same
            bundle.writestr(entry, files[name], ZIP_DEFLATED)
    return content.getvalue()
