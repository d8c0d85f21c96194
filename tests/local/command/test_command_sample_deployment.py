# SPDX-License-Identifier: MIT-0
"""The names under which runs are kept are the sample deployment's, and taking them from it costs no start-up time."""

import subprocess
import sys

from local.execution import Identity
from local.jobs import REPOSITORY
from pipeline_src.pipeline import OFFLINE
from tests.local.command.small import Shell


def test_a_runs_names_and_places_are_those_of_the_sample_deployment(shell: Shell) -> None:
    shell.run("--quiet")
    record = shell.record()
    account = OFFLINE.role_arn.split(":")[4]
    assert record["PipelineArn"] == f"arn:aws:sagemaker:{OFFLINE.region}:{account}:pipeline/{OFFLINE.pipeline_name}"
    values = {item["Name"]: item["Value"] for item in record["PipelineParameters"]}
    assert str(values["InputArchive"]).startswith(f"s3://{OFFLINE.raw_bucket}/archives/")
    assert Identity("a", "b").arn("c", "d") == f"arn:aws:sagemaker:{OFFLINE.region}:{account}:c/d"


def test_the_command_line_starts_without_the_sdk() -> None:
    code = "import sys, local.__main__; sys.exit('sagemaker' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False).returncode == 0
