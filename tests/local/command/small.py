# SPDX-License-Identifier: MIT-0
"""A loop small enough for the command line's tests: real processes of a few milliseconds, the project's step names."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from local.__main__ import main
from pipeline_src import contract
from tests.local.fake import ALGORITHM, definition, equals, fail, gate, json_get, processing

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
SCRIPT = """
import json, os, pathlib, sys
folder = pathlib.Path(os.environ["ML_ROOT"], "processing/output", sys.argv[1])
print("progress: 1/2 images", flush=True)
(folder / sys.argv[2]).write_text(sys.argv[3])
(folder / "report.html").write_text("report")
"""


def evaluation(got: float) -> dict[str, Any]:
    """Return an evaluation that wanted a balanced accuracy of 0.5 and got `got`."""
    passed = got >= 0.5
    requirement = {"name": "balanced_accuracy", "wanted": 0.5, "got": got, "passed": passed}
    reason = f"balanced_accuracy: wanted at least 0.5, got {got}"
    verdict = {"verdict": "pass" if passed else "reject", "reason": reason, "requirements": [requirement]}
    return {"balanced_accuracy": got, "accuracy": 0.75, "melanoma": {"sensitivity": 0.8}, "gate": verdict}


def step(name: str, output: str, file: tuple[str, str], document: Any, script: str = SCRIPT) -> dict[str, Any]:
    """Return a Processing step whose job writes `document`; `file` is its name and its property file's name."""
    found = processing(
        name,
        inputs={"archive": {"Get": "Parameters.InputArchive"}},
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
    register = {
        "Name": contract.REGISTER,
        "Type": "RegisterModel",
        "Arguments": {"ModelPackageGroupName": "small", "InferenceSpecification": {"Containers": [container]}},
    }
    card = contract.DATASET_CARD, contract.DATASET_CARD_PROPERTY
    report = contract.EVALUATION, contract.EVALUATION_PROPERTY
    verdict, reason = (json_get(contract.EVALUATE, report[1], f"gate.{name}") for name in ("verdict", "reason"))
    return definition(
        step(contract.PREPROCESS, contract.DATASET_OUTPUT, card, CARD, script),
        step(contract.EVALUATE, contract.EVALUATION_OUTPUT, report, evaluation(got))
        | {"DependsOn": [contract.PREPROCESS]},
        gate(contract.GATE, [equals(verdict, "pass")], [register], [fail(contract.REJECT, reason)]),
        parameters=[
            {"Name": "InputArchive", "Type": "String", "DefaultValue": "s3://local-raw/archives/"},
            {"Name": "Epochs", "Type": "Integer", "DefaultValue": 3},
        ],
    )


@dataclass(frozen=True)
class Shell:
    """The command line in a home of its own."""

    home: Path

    def __call__(self, *arguments: str | Path) -> Result:
        return CliRunner().invoke(main, ["--home", str(self.home), *map(str, arguments)])

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
