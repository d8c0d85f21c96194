# SPDX-License-Identifier: MIT-0
"""Each command in a block of the documentation that needs no AWS account runs, in the order of the pages.

The commands run as they are printed, but for names: the folder of the runs, the archive, the image and the port. `make`
sets up environments before it starts a command; here its recipe is printed, and the command in it runs.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documented_commands import DocumentedCommand, read_blocks
from tests.loop.home import ROOT, Loop, free_port, started_server

# A model is made and served first; its server then answers the commands of the other pages.
PAGES = ("docs/operate.md", "README.md", "docs/quick-start.md", "docs/your-own-data.md")
OTHERS = sorted(path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
BLOCKS = read_blocks({Path(name): (ROOT / name).read_text() for name in dict.fromkeys((*PAGES, *OTHERS))})
COMMANDS = tuple(
    dict.fromkeys(line for block in BLOCKS if not block.needs_aws | block.needs_pytorch for line in block.lines)
)
# CI runs them; a test that ran the tests would not end.
VERBS_OF_CI = re.compile(r"- run: (make (?:check|test))$", re.MULTILINE)
# The gate decides: on a synthetic archive with the default thresholds, and on a model compared with the approved one.
JUDGED = re.compile(r"--archive|--add|--algorithm")


class Desk:
    """One folder of runs, in which the commands are typed one after another."""

    def __init__(self, loop: Loop, folder: Path) -> None:
        self.home, self.folder, self.port = loop.home, folder, free_port()
        self.archive = loop.archive  # trained on already, so that features come from the cache

    def _named(self, command: str) -> str:
        image = next((self.home.path / "s3/local-runs/runs").rglob("holdout/*.jpg"))
        outputs = self.home.path / "s3/local-runs/runs"
        evaluated = sorted(path.parts[-4] for path in outputs.glob("*/evaluate/evaluation/evaluation.json"))
        additions = (self.home.path / "s3/local-raw/additions").glob("*.zip")
        newest = max(additions, key=lambda path: path.stat().st_mtime_ns, default=Path("FILE.zip"))
        names = {
            "/path/dataverse_files.zip": str(self.archive),
            "IMAGE.jpg": str(image),
            ".local/": f"{self.home.path}/",
            "127.0.0.1:8080": f"127.0.0.1:{self.port}",
            "https://github.com/OWNER/skin-lesion-mlops.git": f"{ROOT} {self.folder}/skin-lesion-mlops",
            "cd skin-lesion-mlops": f"cd {self.folder}/skin-lesion-mlops",
            "FIRST_ID": self.home.registered(),
            "SECOND_ID": evaluated[0] if evaluated[0] != self.home.registered() else evaluated[-1],
            "FILE.zip": str(newest),
        }
        for name, value in names.items():
            command = command.replace(name, value)
        command = re.sub(r"(?<![\w/])python -m local", f"{ROOT}/.venv/app/bin/python -m local", command)
        return re.sub(r"(-m local (?:serve|traffic))", rf"\1 --port {self.port}", command)

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a line of a shell, and what `make` would run in it."""
        parts = [self._recipe(part) if part.startswith("make") else part for part in command.split(" && ")]
        return self._shell(self._named(" && ".join(parts)))

    def serve(self, command: str) -> Iterator[None]:
        """Serve until the end of the generator."""
        yield from started_server(self._named(command).split(), self.home.environment)

    def _recipe(self, command: str) -> str:
        printed = self._shell(command.replace("make", "make --dry-run", 1))
        assert printed.returncode == 0, printed.stderr
        return next((line for line in printed.stdout.splitlines() if "-m local" in line), "true")

    def _shell(self, line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", line],  # noqa: S607
            cwd=ROOT,
            env=self.home.environment,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )


@pytest.fixture(scope="module")
def desk(loop: Loop, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(loop, tmp_path_factory.mktemp("desk"))


@pytest.fixture(scope="module")
def servers() -> Iterator[list[Iterator[None]]]:
    """The servers that commands started; they end with the file."""
    started: list[Iterator[None]] = []
    yield started
    for server in started:
        next(server, None)


@pytest.mark.parametrize("line", COMMANDS, ids=[line.text for line in COMMANDS])
def test_a_documented_command_runs(desk: Desk, servers: list[Iterator[None]], line: DocumentedCommand) -> None:
    if line.text in {*VERBS_OF_CI.findall((ROOT / ".github/workflows/checks.yml").read_text())}:
        return
    if " serve" in line.text:
        servers.append(desk.serve(line.text))
        next(servers[-1])
        return
    done = desk.run(line.text)
    allowed = {0, 1} if JUDGED.search(line.text) else {line.exit_code}
    assert done.returncode in allowed, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_the_pages_have_commands_of_each_kind() -> None:
    texts = " ".join(line.text for line in COMMANDS)
    assert len(COMMANDS) > 15
    assert all(f"-m local {name}" in texts for name in ("approve", "serve", "traffic", "monitor", "export", "predict"))
    assert "aws " not in texts
