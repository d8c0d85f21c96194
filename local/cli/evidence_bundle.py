# SPDX-License-Identifier: MIT-0
"""The bundle that a reviewer files: all that the decision on one model rested on, in one zip file.

The same run gives the same bytes until somebody decides on its model package: no clock, no path of this machine.
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
from local.console.command_frame import program_command
from local.console.run_summary import registered_package_arn
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
    GATE_FILE: "the gate's table: each requirement, what was wanted and got, the interval, the verdict",
    contract.EVALUATION_FILE: "every figure, and the gate's verdict",
    contract.PREDICTIONS_FILE: "the model's answer to each image that it was judged by: all figures follow from it",
    contract.DATASET_CARD_FILE: "what the archive held and how it was split, its SHA-256, warnings",
    DEFINITION_FILE: "the pipeline definition as it was executed",
    RECORD_FILE: "the execution: its parameters, steps, times and how it ended",
    PACKAGE_FILE: "the model package as registered, with the decision on it",
    CHECKSUMS_FILE: "checksums of the other files: sha256sum --check SHA256SUMS",
}
_COLUMNS: Final = ("name", "wanted_text", "got_text", "interval_text", "images", "verdict", "place")
_TITLES: Final = ("requirement", "wanted", "got", "95 % interval", "images", "verdict", "where")
_RUN_FIELDS: Final = (
    *("PipelineArn", "PipelineExecutionArn", "PipelineExecutionStatus", "FailureReason"),
    *("CreationTime", "LastModifiedTime", "PipelineParameters"),
)
_STEP_FIELDS: Final = ("StepName", "StepType", "StepStatus", "StartTime", "EndTime", "CacheHitResult", "FailureReason")
_ZIP_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip file can tell
_FILE_MODE: Final = 0o644 << 16


def write_evidence_bundle(record: ExecutionRecord, home: LocalHome, path: Path) -> list[str]:
    """Write the bundle of a run, whatever the gate's verdict, and return the names of its files.

    Args:
        record: the execution.
        home: where its model package is registered.
        path: the zip file; written aside and renamed. It must not exist: what was filed once is not written over.

    Raises:
        UsageError: the file exists, the run has no evaluation, or a file of it is no longer there.
    """
    if path.exists():
        raise UsageError(f"--evidence {path}: it exists, and evidence is not written over. Name another file.")
    files = collect_evidence(record, home)
    files[CHECKSUMS_FILE] = "".join(
        f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files)
    ).encode()
    json_files.write_file_atomically(path, _zip_files(files))
    return sorted(files)


def collect_evidence(record: ExecutionRecord, home: LocalHome) -> dict[str, bytes]:
    """Return the content of the bundle by file name, all but the checksums.

    Raises:
        UsageError: the run has no evaluation, or a file of it is no longer there.
    """
    files = {name: _read_source(path) for name, path in _source_paths(record).items()}
    gate = json.loads(files[contract.EVALUATION_FILE]).get("gate", {})
    arn = registered_package_arn(record)
    package = ModelRegistry(home.registry).describe(arn) if arn else None
    files[GATE_FILE] = gate_table_csv(gate.get("requirements", []))
    files[RECORD_FILE] = _json_bytes(_execution_fields(record))
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
    """Return where the files lie that the run left, by their names in the bundle."""
    evaluation = _step_output_folder(record, contract.EVALUATE_STEP, contract.EVALUATION_OUTPUT)
    names = (contract.EVALUATION_FILE, contract.REPORT_FILE, contract.MODEL_CARD_FILE, contract.PREDICTIONS_FILE)
    dataset = _step_output_folder(record, contract.PREPROCESS_STEP, contract.DATASET_OUTPUT)
    return {name: evaluation / name for name in names} | {
        contract.DATASET_CARD_FILE: dataset / contract.DATASET_CARD_FILE,
        DEFINITION_FILE: record.path.with_name(DEFINITION_FILE),
    }


def _step_output_folder(record: ExecutionRecord, step: str, output: str) -> Path:
    folder = (record.step(step) or {}).get("Outputs", {}).get(output)
    if folder is None:
        run = record.execution_id
        look = f"{program_command()} show {run}"
        raise UsageError(f"run {run}: {step} left nothing to file (the run is {record.status}). See why: {look}")
    return Path(folder)


def _read_source(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{path}: it is not there, so the evidence is not whole. Run the pipeline again.") from None


def _execution_fields(record: ExecutionRecord) -> JsonObject:
    """Return the record in the API's words alone: what this runner adds are paths of this machine."""
    steps = [{name: step[name] for name in _STEP_FIELDS if name in step} for step in record.steps]
    found = {name: record.data[name] for name in _RUN_FIELDS if name in record.data}
    return found | {"PipelineExecutionSteps": steps}


def _readme_text(
    record: ExecutionRecord, gate: Mapping[str, Json], package: JsonObject | None, names: set[str]
) -> bytes:
    parameters = {each["Name"]: each["Value"] for each in record.data["PipelineParameters"]}
    facts = {
        "Run": f"{record.data['PipelineExecutionArn']} ({record.status})",
        "Commit": parameters.get(contract.SOURCE_COMMIT_PARAMETER, "not recorded"),
        "Gate": gate.get("reason"),
        "Package": package["ModelPackageArn"] if package else "none: a model that the gate rejects is not registered",
        "Decision": _decision_text(package) if package else "none",
    }
    lines = ["Evidence for the review of one model. For research use only; not a medical device.", ""]
    lines += [f"{name:<9} {value}" for name, value in facts.items()]
    lines += ["", *(f"{name:<20} {said}" for name, said in BUNDLE_CONTENTS.items() if name in names)]
    return ("\n".join(lines) + "\n").encode()


def _decision_text(package: JsonObject) -> str:
    status, said = package["ModelApprovalStatus"], package.get("ApprovalDescription")
    return f"{status}, {package['LastModifiedTime']}: {said}" if said else f"{status}"


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
