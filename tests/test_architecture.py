# SPDX-License-Identifier: MIT-0
"""Who imports whom: the contracts of pyproject.toml hold, and they are not toothless."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def _contracts(root: Path) -> "subprocess.CompletedProcess[str]":
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def test_the_import_contracts_hold() -> None:
    run = _contracts(ROOT)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("pipeline_src/definition/job_specs.py", "import sagemaker", "pipeline.py alone imports the SageMaker SDK"),
        ("pipeline_src/evaluation/operating_point.py", "import boto3", "knows neither AWS nor the SageMaker SDK"),
        ("pipeline_src/dataset/lesion_split.py", "import pipeline_src.report", "layers of pipeline_src"),
        ("pipeline_src/novel.py", "", "layers of pipeline_src"),
        ("local/engine/pipeline_engine.py", "import botocore", "local reads the definition"),
        ("local/engine/pipeline_engine.py", "import local.cli", "layers of local"),
        ("local/engine/pipeline_engine.py", "import pipeline_src.evaluation", "local reads the definition"),
        ("local/engine/pipeline_engine.py", "import aws_cdk", "aws_cdk is imported in stacks"),
        ("stacks/storage/storage_stack.py", "import operations.functions", "stacks provision"),
        ("stacks/storage/storage_stack.py", "import stacks.delivery", "layers of stacks"),
        ("operations/functions/lambda_handlers.py", "import pipeline_src.definition", "operations act on an account"),
        ("operations/functions/lambda_handlers.py", "import operations.commands", "layers of operations"),
        ("operations/functions/lambda_handlers.py", "import rich", "neither click nor rich"),
        ("review/template_diff.py", "import boto3", "review compares JSON"),
    ],
)
def test_breaking_one_is_seen(tmp_path: Path, file: str, line: str, contract: str) -> None:
    """A new import, or a module that nobody gave a layer, in a copy of the sources."""
    for name in ("pipeline_src", "local", "stacks", "operations", "review"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / file).open("a", encoding="utf-8") as source:
        source.write(f"\n{line}\n")
    run = _contracts(tmp_path)
    broken = " ".join(run.stdout.split()).partition("Broken contracts")[2]
    assert run.returncode == 1
    assert contract in broken
