# SPDX-License-Identifier: MIT-0
"""The pinned CDK command line against the emulator."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.assembly import ROOT
from tests.emulator.server import Emulator
from tests.proof.sample import HERE, Place


@dataclass(frozen=True)
class CommandLine:
    """`cdk`, with the emulator for AWS.

    Attributes:
        emulator: The emulator.
        home: Folder that it may take for its home.
        place: Account whose root it runs as, and region of stacks that name none.
    """

    emulator: Emulator
    home: Path
    place: Place = HERE

    def __call__(self, *arguments: str, assembly: Path | None = None, succeeds: bool = True) -> str:
        """Run `cdk` with `arguments` on `assembly` and return what it says.

        Raises:
            RuntimeError: It failed, and should not have.
        """
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "CDK_"))}
        environment = {**kept, "HOME": str(self.home), "CI": "true", **self.emulator.environment(self.place)}
        application = [f"--app={assembly}"] if assembly else []
        command = [str(ROOT / "node_modules/.bin/cdk"), "--no-color", *arguments, *application]
        run = subprocess.run(command, env=environment, cwd=self.home, capture_output=True, text=True, check=False)
        if succeeds and run.returncode:
            raise RuntimeError(f"{' '.join(command)}: exit status {run.returncode}\n{run.stdout}{run.stderr}")
        return run.stdout + run.stderr

    def bootstrap(self) -> None:
        """Make what the CDK needs in the account and region."""
        self("bootstrap", f"aws://{self.place.account}/{self.place.region}", "--no-notices")

    def deploy(self, assembly: Path, *stacks: str) -> str:
        """Deploy all stacks of `assembly`, or those of these ids and no others."""
        which = (*stacks, "--exclusively") if stacks else ("--all",)
        return self("deploy", *which, "--require-approval=never", "--concurrency=2", assembly=assembly)
