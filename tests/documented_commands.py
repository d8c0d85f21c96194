# SPDX-License-Identifier: MIT-0
"""Reads the blocks of commands in the documentation.

A fenced block without a language holds commands, one a line; `#` begins a comment. Blocks of a language (`text`, `csv`,
`python`) hold none. A block whose first line is `MARK` needs an AWS account, one with `PYTORCH_MARK` PyTorch.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MARK: Final = "# needs AWS"
PYTORCH_MARK: Final = "# needs PyTorch"
_FENCE: Final = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class DocumentedCommand:
    """One line of a block: the command, and the exit code that its comment states."""

    text: str
    exit_code: int


@dataclass(frozen=True)
class DocumentedBlock:
    """The commands of a block, with its page and its number there from 1."""

    page: Path
    number: int
    needs_aws: bool
    needs_pytorch: bool
    lines: tuple[DocumentedCommand, ...]

    def __str__(self) -> str:
        """Name the block in a test's id."""
        return f"{self.page}:{self.number}"

    @property
    def commands(self) -> list[str]:
        """The commands without comments; `a && b` counts as two."""
        return [part for line in self.lines for part in line.text.split(" && ")]

    def local_commands(self) -> Iterator[tuple[str, list[str]]]:
        """Yield name and options of each command of ``python -m local``."""
        for command in self.commands:
            for name, rest in re.findall(r"python -m local ([a-z]+)(.*)", command):
                yield name, re.findall(r"--[a-z-]+", rest)


def read_blocks(pages: Mapping[Path, str]) -> list[DocumentedBlock]:
    """Return the blocks of commands on `pages`, in their order."""
    return [
        DocumentedBlock(
            page,
            number,
            text.startswith(MARK + "\n"),
            text.startswith(PYTORCH_MARK + "\n"),
            tuple(_lines(text)),
        )
        for page, content in pages.items()
        for number, text in enumerate((text for kind, text in _FENCE.findall(content) if not kind), start=1)
    ]


def _lines(text: str) -> Iterator[DocumentedCommand]:
    for line in text.splitlines():
        command, _, comment = re.sub(r"(?:^|\s+)# ", "\0", line, count=1).partition("\0")
        if command.strip():
            stated = re.search(r"exit code (\d)", comment)
            yield DocumentedCommand(command.strip(), int(stated[1]) if stated else 0)
