# SPDX-License-Identifier: MIT-0
"""A loop small enough for the command line's tests: real processes of a few milliseconds, the project's step names."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from local.cli.pipeline_commands import main
from pipeline_src import contract
from tests.local.fake import ALGORITHM, definition, equals, fail, gate, json_get, processing, uri_of

CARD = {
    "sources": {"synthetic": 21},
    "images": {
        "total": 21,
        "by_split": {"train": 14, "validation": 4, "test": 3},
        "by_class_and_split": {label: {"train": 2, "validation": 1, "test": 0} for label in contract.CLASS_LABELS},
    },
    "lesions": {"total": 15},
    "warnings": ["class df is thin"],
}
NOBODY = "s3://local-runs/champion/none.json"
SCRIPT = """
import json, os, pathlib, sys
folder = pathlib.Path(os.environ["ML_ROOT"], "processing/output", sys.argv[1])
print("progress: 1/2 images", flush=True)
(folder / sys.argv[2]).write_text(sys.argv[3])
(folder / "report.html").write_text("report")
if sys.argv[2] == "evaluation.json":
    (folder / "predictions.csv").write_text("predictions")
    (folder / "model_card.json").write_text("card")
"""


def figure(value: float) -> dict[str, Any]:
    """Return an estimate as evaluation.json has it."""
    ends = {"lower": value - 0.1, "upper": value + 0.1}
    return {"value": value, **ends, "images": 140, "lesions": 110, "method": "bootstrap"}


ADVICE = "Add training lesions."


def requirement(name: str, got: float | None, verdict: str, **more: Any) -> dict[str, Any]:
    """Return a line of the gate's table that wants 0.5, as evaluation.json has it."""
    texts = {"wanted_text": "at least 0.5", "got_text": f"{got}", "interval_text": "0.5123 to 0.7345"}
    fields = {"sense": "at least", "wanted": 0.5, "lower": 0.5123, "upper": 0.7345, "images": 140, "place": ""}
    passed = verdict not in {"missed", "not evaluable"}
    return fields | texts | {"name": name, "got": got, "verdict": verdict, "passed": passed} | more


def evaluation(got: float) -> dict[str, Any]:
    """Return an evaluation that wanted a balanced accuracy of 0.5 and got `got`."""
    verdict = "met" if got >= 0.5 else "missed"
    requirements = [
        requirement("test_images", 12, "met", place="df"),
        requirement("balanced_accuracy", got, verdict),
        requirement("champion_melanoma_area_loss", None, "no champion", sense="at most", interval_text=""),
    ]
    gate = {
        "verdict": "pass" if verdict == "met" else "reject",
        "reason": f"balanced_accuracy: wanted at least 0.5, got {got}. What would help: {ADVICE}",
        "advice": [] if verdict == "met" else [ADVICE],
        "requirements": requirements,
    }
    champion = {"status": "absent", "package": "none", "reason": "There is no champion yet.", "images": 0}
    melanoma = {"sensitivity": figure(0.8), "threshold": 0.3}
    return {"balanced_accuracy": figure(got), "accuracy": figure(0.75), "melanoma": melanoma} | {
        "gate": gate,
        "champion": champion,
    }


def step(name: str, output: str, file: tuple[str, str], document: Any, script: str = SCRIPT) -> dict[str, Any]:
    """Return a Processing step whose job writes `document`; `file` is its name and its property file's name."""
    source = "InputArchive" if name == contract.PREPROCESS_STEP else contract.CHAMPION_PREDICTIONS_PARAMETER
    found = processing(
        name,
        inputs={"input": {"Get": f"Parameters.{source}"}},
        outputs=[output],
        files={file[1]: (output, file[0])},
        cached=True,
    )
    specification = found["Arguments"]["AppSpecification"]
    specification["ContainerEntrypoint"] = ["python", "-c", script]
    specification["ContainerArguments"] = [output, file[0], json.dumps(document)]
    return found


def loop(got: float, script: str = SCRIPT) -> dict[str, Any]:
    """Return the definition of the small loop."""
    container = {"Image": ALGORITHM, "ModelDataUrl": "s3://local-raw/model.tar.gz"}
    report_uri = {
        "Std:Join": {"On": "/", "Values": [uri_of(contract.EVALUATE_STEP, "evaluation"), contract.REPORT_FILE]}
    }
    register = {
        "Name": contract.REGISTER_STEP,
        "Type": "RegisterModel",
        "Arguments": {
            "ModelPackageGroupName": "small",
            "InferenceSpecification": {"Containers": [container]},
            "CustomerMetadataProperties": {contract.METADATA_REPORT: report_uri},
        },
    }
    card = contract.DATASET_CARD_FILE, contract.DATASET_CARD_PROPERTY
    report = contract.EVALUATION_FILE, contract.EVALUATION_PROPERTY
    verdict, reason = (json_get(contract.EVALUATE_STEP, report[1], f"gate.{name}") for name in ("verdict", "reason"))
    return definition(
        step(contract.PREPROCESS_STEP, contract.DATASET_OUTPUT, card, CARD, script),
        step(contract.EVALUATE_STEP, contract.EVALUATION_OUTPUT, report, evaluation(got))
        | {"DependsOn": [contract.PREPROCESS_STEP]},
        gate(contract.GATE_STEP, [equals(verdict, "pass")], [register], [fail(contract.REJECT_STEP, reason)]),
        parameters=[
            {"Name": "InputArchive", "Type": "String", "DefaultValue": "s3://local-raw/archives/"},
            {"Name": "Epochs", "Type": "Integer", "DefaultValue": 3},
            {"Name": contract.CHAMPION_PREDICTIONS_PARAMETER, "Type": "String", "DefaultValue": NOBODY},
            {"Name": contract.CHAMPION_PACKAGE_PARAMETER, "Type": "String", "DefaultValue": contract.NO_PACKAGE},
            {"Name": contract.SOURCE_COMMIT_PARAMETER, "Type": "String", "DefaultValue": "unknown"},
            {"Name": contract.EARLIER_EVALUATIONS_PARAMETER, "Type": "String", "DefaultValue": "unknown"},
        ],
    )


@dataclass(frozen=True)
class Shell:
    """The command line in a home of its own."""

    home: Path

    def __call__(self, *arguments: str | Path) -> Result:
        return CliRunner().invoke(main, [*map(str, arguments)], env={"LOCAL_HOME": str(self.home)})

    def run(self, *arguments: str | Path, got: float = 0.6, script: str = SCRIPT) -> Result:
        """Run the small loop on a small archive."""
        return self("run", "--archive", self.archive(), "--definition", self.definition(got, script), *arguments)

    def archive(self) -> Path:
        """Return a small archive, beside a model for Register to find."""
        path = self.home.parent / "archive.zip"
        if not path.exists():
            with zipfile.ZipFile(path, "w") as file:
                file.writestr("a", "1")
        model = self.home / "s3/local-raw/model.tar.gz"
        model.parent.mkdir(parents=True, exist_ok=True)
        model.write_bytes(b"model")
        return path

    def definition(self, got: float, script: str = SCRIPT) -> Path:
        """Return the small loop's definition in a file."""
        path = self.home.parent / "definition.json"
        path.write_text(json.dumps(loop(got, script)))
        return path

    def record(self) -> Any:
        """Return the newest run's record."""
        return json.loads((self.home / "runs/latest/execution.json").read_text())

    def run_id(self) -> str:
        """Return the newest run's id."""
        return str(self.record()["PipelineExecutionArn"].rpartition("/")[2])

    def parameter(self, name: str) -> Any:
        """Return the value of a parameter of the newest run."""
        return next(item["Value"] for item in self.record()["PipelineParameters"] if item["Name"] == name)
