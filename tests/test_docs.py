# SPDX-License-Identifier: MIT-0
"""What the documentation names exists: verbs, options, paths, pages."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
VERBS = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))


def _help(room: str, *command: str) -> str:
    words = [sys.executable, "-m", room, *command, "--help"]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_every_make_verb_in_the_readme_exists() -> None:
    named = set(re.findall(r"\bmake ([a-z-]+)", README))
    assert {"demo", "test"} <= named
    assert named <= VERBS


def test_bare_make_prints_each_verb_with_a_line() -> None:
    printed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S607
    assert {line.split()[0] for line in printed.splitlines()} == VERBS
    assert all(len(line.split()) > 2 for line in printed.splitlines())


def test_every_command_and_option_of_the_readme_exists() -> None:
    commands = re.findall(r"python -m local ([a-z]+)([^\n|`#]*)", README)
    assert {name for name, _ in commands} >= {"run", "runs", "show", "approve", "serve", "sample"}
    for name, rest in commands:
        text = _help("local", name)
        for option in re.findall(r"--[a-z-]+", rest):
            assert option in text, f"{name} {option}"


def test_every_path_in_the_readme_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README) + re.findall(r"`((?:[a-z_]+/)+[a-z_.]*)`", README)
    assert len(links) > 5
    assert [link for link in links if not link.startswith(".local/") and not (ROOT / link).exists()] == []


def test_no_placeholder_is_left_in_the_readme() -> None:
    assert re.findall(r"@@.*", README) == []


def test_the_index_of_decisions_lists_every_page() -> None:
    folder = ROOT / "docs/decisions"
    pages = {path.name for path in folder.glob("0*.md")}
    assert set(re.findall(r"\((0\d+-[a-z0-9-]+\.md)\)", (folder / "README.md").read_text())) == pages


@pytest.mark.parametrize("phrase", ["research use", "not a medical device", "synthetic", "stand-in", "CC BY-NC"])
def test_the_readme_says_what_this_is_not(phrase: str) -> None:
    assert phrase.lower() in README.lower()


PAGES = {path.name: path.read_text() for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]}


def test_every_make_verb_on_a_page_exists() -> None:
    assert {name for page in PAGES.values() for name in re.findall(r"`make ([a-z-]+)", page)} <= VERBS


def test_every_setting_that_a_page_names_exists() -> None:
    from stacks.settings.settings_context import setting_types

    sections = {key.partition(".")[0] for key in setting_types() if "." in key}
    named = {
        (name, page)
        for page, text in PAGES.items()
        for name in re.findall(r"\b([a-z_]+\.[a-z_]+)\b", text)
        if name.partition(".")[0] in sections and not name.endswith((".py", ".md", ".json"))
    }
    assert len(named) > 5
    assert {(name, page) for name, page in named if name not in setting_types()} == set()


def test_the_costs_in_the_readme_are_those_of_the_estimate() -> None:
    from stacks.costs import cost_estimate
    from stacks.settings.deployment_settings import Settings

    month, retraining = (
        cost_estimate.total_dollars(cost_estimate.estimate_month(Settings())),
        cost_estimate.total_dollars(cost_estimate.estimate_retraining(Settings())),
    )
    assert f"about {month:.0f} $ a month while nothing happens" in README
    assert f"{retraining:.2f} $ a retraining" in README
    assert f"{cost_estimate.total_dollars(cost_estimate.estimate_push(Settings())):.2f} $ a push" in README
