# SPDX-License-Identifier: MIT-0
"""The names in a run's record are those of the sample deployment; the command line starts without the SDK."""

import subprocess
import sys
from pathlib import Path

from local.aws.pipeline_executions import ExecutionIdentity
from local.cli import pipeline_run
from local.runners.job_runner import REPOSITORY
from pipeline_src.definition.pipeline_deployment import OFFLINE_DEPLOYMENT
from tests.local.command.small import Shell


def test_a_runs_names_and_places_are_those_of_the_sample_deployment(shell: Shell) -> None:
    shell.run("--quiet")
    record = shell.record()
    account = OFFLINE_DEPLOYMENT.role_arn.split(":")[4]
    assert (
        record["PipelineArn"]
        == f"arn:aws:sagemaker:{OFFLINE_DEPLOYMENT.region}:{account}:pipeline/{OFFLINE_DEPLOYMENT.pipeline_name}"
    )
    values = {item["Name"]: item["Value"] for item in record["PipelineParameters"]}
    assert str(values["InputArchive"]).startswith(f"s3://{OFFLINE_DEPLOYMENT.raw_bucket}/archives/")
    assert ExecutionIdentity("a", "b").arn("c", "d") == f"arn:aws:sagemaker:{OFFLINE_DEPLOYMENT.region}:{account}:c/d"


def test_a_cached_definition_depends_on_every_module_that_renders_it() -> None:
    code = (
        "import sys, pipeline_src.definition.pipeline; "
        "print(*[each.__file__ for name, each in sys.modules.items() if name.partition('.')[0] == 'pipeline_src'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    imported = {Path(name).relative_to(REPOSITORY).as_posix() for name in done.stdout.split()}
    assert {"pipeline_src/contract.py", "pipeline_src/definition/job_specs.py"} <= imported
    assert imported <= set(pipeline_run.definition_sources())


def test_the_command_line_starts_without_the_sdk() -> None:
    code = "import sys, local.cli.pipeline_commands; sys.exit('sagemaker' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False).returncode == 0
