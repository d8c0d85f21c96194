# SPDX-License-Identifier: MIT-0
"""What is shipped by folder imports by itself: jobs from the build context, handlers from the Lambda package."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
JOBS_PYTHON = ROOT / ".venv/jobs/bin/python"
JOBS = sorted(path.stem for path in (ROOT / "pipeline_src/jobs").glob("[a-z]*.py"))


def _asset(assembly: Path, holds: str) -> Path:
    """Return the one staged asset that holds the file `holds`."""
    found = {path for path in assembly.glob("asset.*") if (path / holds).is_file()}
    assert len(found) == 1, found
    return found.pop()


def _run(python: Path, folder: Path, scratch: Path, *options: str) -> str:
    """Run Python in `folder`, which other tests share; what libraries cache goes to `scratch`."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(scratch), "MPLCONFIGDIR": str(scratch)}
    command = [str(python), "-s", "-B", *options]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("job", JOBS)
def test_a_job_imports_from_a_copy_of_the_build_context(assembly: Path, tmp_path: Path, job: str) -> None:
    context = _asset(assembly, "containers/preprocessing/Dockerfile")
    _run(JOBS_PYTHON, context, tmp_path, "-c", f"import pipeline_src.jobs.{job}")


def test_the_build_context_holds_the_code_of_the_jobs_and_not_the_definition(assembly: Path) -> None:
    context = _asset(assembly, "containers/preprocessing/Dockerfile")
    held = {path.relative_to(context).as_posix() for path in (context / "pipeline_src").glob("*")}
    wanted = {path.relative_to(ROOT).as_posix() for path in (ROOT / "pipeline_src").glob("*")}
    assert held == wanted - {"pipeline_src/definition", "pipeline_src/__pycache__"}


def test_the_handlers_import_from_their_package_and_need_nothing_that_the_runtime_lacks(
    assembly: Path, tmp_path: Path
) -> None:
    """The runtime brings boto3 and the standard library."""
    package = _asset(assembly, "operations/functions/lambda_handlers.py")
    code = (
        "import sys, boto3, botocore.config\n"
        "before = set(sys.modules)\n"
        "import operations.functions.lambda_handlers\n"
        "print({name.partition('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names))\n"
    )
    assert ast.literal_eval(_run(Path(sys.executable), package, tmp_path, "-c", code)) == {"operations", "pipeline_src"}
    folders = {path.name for path in package.iterdir()} | {path.name for path in (package / "operations").iterdir()}
    assert folders == {"operations", "pipeline_src", "__init__.py", "functions"}
