# SPDX-License-Identifier: MIT-0
"""What the documentation names exists: verbs, options, paths, pages."""

import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from local.cli.pipeline_commands import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
VERBS = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))


def _help(*command: str) -> str:
    return CliRunner().invoke(main, [*command, "--help"], catch_exceptions=False).stdout


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
        text = _help(name)
        for option in re.findall(r"--[a-z-]+", rest):
            assert option in text, f"{name} {option}"


DOCUMENTS = {
    path.relative_to(ROOT): path.read_text()
    for path in [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
    if path.name != "CHANGELOG.md"  # says what was
}
TRACKED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()  # noqa: S607
FOLDERS = "|".join(sorted(re.escape(folder) for folder in {name.partition("/")[0] for name in TRACKED if "/" in name}))
# Any path below a folder of the repository, whether or not it is marked as code.
PATH = re.compile(rf"(?<![\w./<>-])((?:{FOLDERS})/[\w./*-]*[\w/])")


def _missing_paths(text: str) -> set[str]:
    return {path for path in PATH.findall(text) if not path.startswith("docs/") and not any(ROOT.glob(path))}


@pytest.mark.parametrize("page", DOCUMENTS, ids=str)
def test_every_path_on_a_page_exists(page: Path) -> None:
    assert _missing_paths(DOCUMENTS[page]) == set()


@pytest.mark.parametrize("page", DOCUMENTS, ids=str)
def test_every_link_on_a_page_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", DOCUMENTS[page])
    assert [link for link in links if not (ROOT / page.parent / link).exists()] == []


def test_every_module_that_a_page_runs_exists() -> None:
    named = {name for text in DOCUMENTS.values() for name in re.findall(r"python -m ([a-z_.]+[a-z_])", text)}
    assert {"local", "operations", "pipeline_src.definition.pipeline"} <= named
    paths = {name: ROOT / name.replace(".", "/") for name in named}
    assert [name for name, path in paths.items() if not (path.is_dir() or path.with_suffix(".py").is_file())] == []


def test_the_check_of_paths_sees_a_missing_one() -> None:
    assert _missing_paths("see `local/gone.py`, (stacks/gone/a.py) and stacks/settings/, containers/*/Dockerfile") == {
        "local/gone.py",
        "stacks/gone/a.py",
    }


def test_the_architecture_page_names_files_for_twenty_changes_and_every_folder_of_the_rooms() -> None:
    page = DOCUMENTS[Path("docs/architecture.md")]
    rows = re.findall(r"^\| (.*?) \| (.*) \|$", page.partition("| change | files |\n|---|---|\n")[2], re.MULTILINE)
    assert len(rows) == 20
    assert [change for change, files in rows if not PATH.search(files)] == []
    folders = {tuple(name.split("/")[:2]) for name in TRACKED if name.endswith(".py") and name.count("/") == 2}
    rooms = {"pipeline_src", "stacks", "operations", "local"}
    assert {folder for room, folder in folders if room in rooms and f"`{folder}/`" not in page} == set()


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
    assert f"about ${month:.0f} a month while nothing happens" in README
    assert f"${retraining:.2f} a retraining" in README
    assert f"${cost_estimate.total_dollars(cost_estimate.estimate_push(Settings())):.2f} a push" in README
