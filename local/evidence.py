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

from local import document
from local.advice import program
from local.document import Json, Object
from local.error import UsageError
from local.execution import DEFINITION, FILE, Record
from local.home import Home
from local.registry import Registry
from local.summary import package_arn
from pipeline_src import contract

GATE: Final = "gate.csv"
PACKAGE: Final = "model_package.json"
SUMS: Final = "SHA256SUMS"
README: Final = "README.txt"
CONTENTS: Final = {
    README: "this text",
    contract.MODEL_CARD: "the model card: intended use, exclusions, licence, figures, limits",
    contract.REPORT: "the report; opens in a browser, offline",
    GATE: "the gate's table: each requirement, what was wanted and got, the interval, the verdict",
    contract.EVALUATION: "every figure, and the gate's verdict",
    contract.PREDICTIONS: "the model's answer to each image that it was judged by: all figures follow from it",
    contract.DATASET_CARD: "what the archive held and how it was split, its SHA-256, warnings",
    DEFINITION: "the pipeline definition as it was executed",
    FILE: "the execution: its parameters, steps, times and how it ended",
    PACKAGE: "the model package as registered, with the decision on it",
    SUMS: "checksums of the other files: sha256sum --check SHA256SUMS",
}
_COLUMNS: Final = ("name", "wanted_text", "got_text", "interval_text", "images", "verdict", "place")
_TITLES: Final = ("requirement", "wanted", "got", "95 % interval", "images", "verdict", "where")
_RUN_FIELDS: Final = (
    *("PipelineArn", "PipelineExecutionArn", "PipelineExecutionStatus", "FailureReason"),
    *("CreationTime", "LastModifiedTime", "PipelineParameters"),
)
_STEP_FIELDS: Final = ("StepName", "StepType", "StepStatus", "StartTime", "EndTime", "CacheHitResult", "FailureReason")
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip file can tell
_MODE: Final = 0o644 << 16


def write(record: Record, home: Home, path: Path) -> list[str]:
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
    files = collect(record, home)
    files[SUMS] = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files)).encode()
    document.write_bytes(path, _zipped(files))
    return sorted(files)


def collect(record: Record, home: Home) -> dict[str, bytes]:
    """Return the content of the bundle by file name, all but the checksums.

    Raises:
        UsageError: the run has no evaluation, or a file of it is no longer there.
    """
    files = {name: _read(path) for name, path in _sources(record).items()}
    gate = json.loads(files[contract.EVALUATION]).get("gate", {})
    arn = package_arn(record)
    package = Registry(home.registry).describe(arn) if arn else None
    files[GATE] = table(gate.get("requirements", []))
    files[FILE] = _json(_execution(record))
    if package is not None:
        files[PACKAGE] = _json(package)
    files[README] = _readme(record, gate, package, {README, SUMS, *files})
    return files


def table(requirements: list[Object]) -> bytes:
    """Return the gate's table as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_TITLES)
    writer.writerows(["" if (value := each.get(name)) is None else value for name in _COLUMNS] for each in requirements)
    return text.getvalue().encode()


def _sources(record: Record) -> dict[str, Path]:
    """Return where the files lie that the run left, by their names in the bundle."""
    evaluation = _folder(record, contract.EVALUATE, contract.EVALUATION_OUTPUT)
    names = (contract.EVALUATION, contract.REPORT, contract.MODEL_CARD, contract.PREDICTIONS)
    dataset = _folder(record, contract.PREPROCESS, contract.DATASET_OUTPUT)
    return {name: evaluation / name for name in names} | {
        contract.DATASET_CARD: dataset / contract.DATASET_CARD,
        DEFINITION: record.path.with_name(DEFINITION),
    }


def _folder(record: Record, step: str, output: str) -> Path:
    folder = (record.step(step) or {}).get("Outputs", {}).get(output)
    if folder is None:
        run = record.execution_id
        look = f"{program()} show {run}"
        raise UsageError(f"run {run}: {step} left nothing to file (the run is {record.status}). See why: {look}")
    return Path(folder)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{path}: it is not there, so the evidence is not whole. Run the pipeline again.") from None


def _execution(record: Record) -> Object:
    """Return the record in the API's words alone: what this runner adds are paths of this machine."""
    steps = [{name: step[name] for name in _STEP_FIELDS if name in step} for step in record.steps]
    found = {name: record.data[name] for name in _RUN_FIELDS if name in record.data}
    return found | {"PipelineExecutionSteps": steps}


def _readme(record: Record, gate: Mapping[str, Json], package: Object | None, names: set[str]) -> bytes:
    parameters = {each["Name"]: each["Value"] for each in record.data["PipelineParameters"]}
    facts = {
        "Run": f"{record.data['PipelineExecutionArn']} ({record.status})",
        "Commit": parameters.get(contract.SOURCE_COMMIT, "not recorded"),
        "Gate": gate.get("reason"),
        "Package": package["ModelPackageArn"] if package else "none: a model that the gate rejects is not registered",
        "Decision": _decision(package) if package else "none",
    }
    lines = ["Evidence for the review of one model. For research use only; not a medical device.", ""]
    lines += [f"{name:<9} {value}" for name, value in facts.items()]
    lines += ["", *(f"{name:<20} {said}" for name, said in CONTENTS.items() if name in names)]
    return ("\n".join(lines) + "\n").encode()


def _decision(package: Object) -> str:
    status, said = package["ModelApprovalStatus"], package.get("ApprovalDescription")
    return f"{status}, {package['LastModifiedTime']}: {said}" if said else f"{status}"


def _json(content: Json) -> bytes:
    return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()


def _zipped(files: Mapping[str, bytes]) -> bytes:
    content = io.BytesIO()
    with ZipFile(content, "w") as bundle:
        for name in sorted(files):
            entry = ZipInfo(name, _EPOCH)
            entry.external_attr = _MODE
            entry.create_system = 3  # Unix on every system, so that the bytes are the same
            bundle.writestr(entry, files[name], ZIP_DEFLATED)
    return content.getvalue()
