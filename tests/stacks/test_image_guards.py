# SPDX-License-Identifier: MIT-0
"""What protects the images: a pinned base, locked requirements with hashes, a user without rights, nothing fetched."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stacks.conftest import ROOT

DOCKERFILES = sorted((ROOT / "containers").glob("*/Dockerfile"))


def problems(text: str) -> Iterator[str]:
    """Yield what a Dockerfile leaves unprotected."""
    if not re.search(r"^ARG BASE_IMAGE=\S+/python:3\.\d+-slim-[a-z]+$", text, re.MULTILINE):
        yield "base image without its version and distribution"
    if re.findall(r"^FROM (.*)$", text, re.MULTILINE) != ["${BASE_IMAGE}"]:
        yield "another base"
    installs = re.findall(r"pip install(?:[^\n]|\\\n)*", text.replace("\\\n", " "))
    if not installs or any("--require-hashes" not in each or "--no-deps" not in each for each in installs):
        yield "requirements without hashes"
    users = re.findall(r"^ARG \w+_USER=(\d+):\d+$", text, re.MULTILINE)
    if "0" in users or not users or not re.search(r"^USER \$\{\w+_USER\}$", text, re.MULTILINE):
        yield "runs as root"
    if re.search(r"^ADD |\b(curl|wget|apt-get)\b", text, re.MULTILINE):
        yield "fetches what is not locked"


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_each_image_is_protected(path: Path) -> None:
    assert list(problems(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("python:3.11-slim-bookworm", "python:latest"),
        ("FROM ${BASE_IMAGE}", "FROM python"),
        ("--require-hashes ", ""),
        ("--no-deps", ""),
        ("10001:10001", "0:0"),
        ("USER ${", "# USER ${"),
        ("COPY pipeline_src", "ADD pipeline_src"),
    ],
)
@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_each_guard_that_is_removed_is_found(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    assert list(problems(text.replace(old, new)))
