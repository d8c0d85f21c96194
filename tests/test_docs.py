# SPDX-License-Identifier: MIT-0
"""What the documentation names exists: verbs, options, paths, pages, anchors.

tests/loop/test_documented_commands.py runs the commands of the pages that need no AWS account.
"""

import re
import subprocess
import tomllib
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from local.cli.pipeline_commands import main
from tests.documented_commands import MARK, DocumentedBlock, read_blocks

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
VERBS = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))


def _options(command: str) -> set[str]:
    """Return the options of a command of ``python -m local``."""
    return {name for option in main.commands[command].params for name in option.opts if name.startswith("--")}


def test_every_make_verb_in_the_readme_exists() -> None:
    named = set(re.findall(r"\bmake ([a-z-]+)", README))
    assert {"demo", "test"} <= named
    assert named <= VERBS


def test_bare_make_prints_each_verb_with_a_line() -> None:
    printed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S607
    assert {line.split()[0] for line in printed.splitlines()} == VERBS
    assert all(len(line.split()) > 2 for line in printed.splitlines())


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


# Relative to the repository's page on GitHub: the badge of a workflow and its runs.
ACTIONS = "../../actions/workflows/"


def _links(text: str) -> list[tuple[str, str]]:
    """Return path and anchor of each link inside the repository, in Markdown and in HTML."""
    found = re.findall(r"""(?:\]\(|(?:href|src|srcset)=")([^)#:"]*)(?:#([^)"]*))?[)"]""", text)
    return [(path, anchor) for path, anchor in found if (path or anchor) and not path.startswith(ACTIONS)]


def _anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives the headings: lower case, no punctuation, hyphens for spaces."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", DOCUMENTS, ids=str)
def test_every_link_on_a_page_leads_somewhere(page: Path) -> None:
    links = _links(DOCUMENTS[page])
    targets = [(ROOT / page.parent / path if path else ROOT / page, anchor) for path, anchor in links]
    assert [str(target) for target, _ in targets if not target.exists()] == []
    anchored = [(target, anchor) for target, anchor in targets if anchor]
    assert [(target.name, anchor) for target, anchor in anchored if anchor not in _anchors(target.read_text())] == []


def test_every_anchor_that_a_message_names_is_a_heading_of_its_page() -> None:
    sources = [ROOT / name for name in TRACKED if name.endswith(".py") and not name.startswith("tests/")]
    texts = {path: path.read_text() for path in sources if path.exists()}
    named = {found for text in texts.values() for found in re.findall(r"docs/([\w-]+\.md)(?:#([\w-]+))?", text)}
    assert {"alarms.md", "operate.md", "monitor.md"} <= {page for page, _ in named}
    for page, anchor in named:
        assert anchor in {"", *_anchors((ROOT / "docs" / page).read_text())}, f"docs/{page}#{anchor}"


def test_the_badges_name_a_workflow_and_a_licence_that_exist() -> None:
    workflows = re.findall(rf"{re.escape(ACTIONS)}([\w.-]+)", README)
    assert workflows
    assert [name for name in workflows if not (ROOT / ".github/workflows" / name).is_file()] == []
    assert "badge/licence-MIT--0" in README


def test_the_readme_can_be_read_in_a_few_minutes() -> None:
    assert len(README.split()) <= 1200


def test_the_readme_links_every_page_of_the_documentation() -> None:
    """Generated lists are linked from the pages that explain them."""
    pages = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")}
    linked = {path for path, _ in _links(README)}
    assert pages - linked <= {"docs/performed-operations.md"}


def test_the_changelog_has_the_version_of_the_package_below_what_is_unreleased() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert re.fullmatch(rf"{re.escape(version)} - \d{{4}}-\d\d-\d\d", headings[1])


BLOCKS = read_blocks(DOCUMENTS)
# Verbs that talk to an account; `make first-run` and the like, and everything of the AWS command line.
NEEDS_AWS = re.compile(
    r"^(aws |make (bootstrap|preflight|deploy|deploy-ci|next|upload|labels|accept-baseline|undo-baseline|export"
    r"|first-run|retrain|smoke|destroy)\b)"
)


def test_the_pages_have_blocks_of_commands_of_both_kinds() -> None:
    assert {block.needs_aws for block in BLOCKS} == {True, False}
    assert len({block.page for block in BLOCKS}) > 5


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_of_commands_is_marked_if_and_only_if_it_needs_aws(block: DocumentedBlock) -> None:
    assert block.needs_aws == any(NEEDS_AWS.match(command) for command in block.commands), f"first line: {MARK}"


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_every_command_and_option_of_a_block_exists(block: DocumentedBlock) -> None:
    for command in block.commands:
        for verb in re.findall(r"\bmake ([a-z-]+)", command):
            assert verb in VERBS, command
    for name, options in block.local_commands():
        assert set(options) - _options(name) == set(), name


def test_every_command_and_option_in_the_text_of_a_page_exists() -> None:
    commands = [found for page in PAGES.values() for found in re.findall(r"python -m local ([a-z]+)([^\n|`#]*)", page)]
    assert {name for name, _ in commands} >= {"run", "runs", "show", "approve", "serve", "sample", "traffic", "export"}
    for name, rest in commands:
        assert set(re.findall(r"--[a-z-]+", rest)) - _options(name) == set(), name


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
    assert {name for page in PAGES.values() for name in re.findall(r"^make ([a-z-]+)", page, re.MULTILINE)} <= VERBS


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


def test_the_costs_in_the_readme_and_on_the_page_are_those_of_the_estimate() -> None:
    from stacks.costs import cost_estimate
    from stacks.settings.deployment_settings import Settings

    month, retraining = (
        cost_estimate.total_dollars(cost_estimate.estimate_month(Settings())),
        cost_estimate.total_dollars(cost_estimate.estimate_retraining(Settings())),
    )
    assert f"about ${month:.2f} a month while nothing happens" in README
    assert f"${retraining:.2f} a retraining" in README
    assert f"${cost_estimate.total_dollars(cost_estimate.estimate_push(Settings())):.2f} a push" in README
    page = PAGES["cost.md"].splitlines()
    lines = [line for line in cost_estimate.estimate_lines(Settings()) if "$" in line and "budget" not in line]
    assert [line for line in lines if line not in page] == []


def test_money_has_its_sign_in_front_and_an_image_is_called_an_image() -> None:
    for name, text in {**PAGES, "CONTRIBUTING.md": (ROOT / "CONTRIBUTING.md").read_text()}.items():
        assert re.findall(r"\d ?\$(?!\w)", text) == [], name
        assert re.findall(r"\bpictures?\b", text) == [], name


def test_the_thresholds_on_the_page_of_the_gate_are_those_of_the_profiles() -> None:
    from pipeline_src import gate_thresholds

    rows = re.findall(r"^\| .* \| ([\d.]+) \| ([\d.]+) \|$", PAGES["gate.md"], re.MULTILINE)
    profiles = [gate_thresholds.THRESHOLD_PROFILES[name] for name in ("default", "demo")]
    names = gate_thresholds.THRESHOLD_PARAMETERS
    values = {name: tuple(float(getattr(each, name)) for each in profiles) for name in names}
    assert [tuple(map(float, row)) for row in rows] == list(values.values())


@pytest.mark.parametrize("name", ["loop.svg", "architecture.svg"])
def test_a_diagram_is_readable_on_a_phone_and_in_dark_mode_and_shows_the_way_back(name: str) -> None:
    """GitHub gives an image about 358 of a phone's 390 pixels: 11.5 units are then at least 9.5 pixels."""
    text = (ROOT / "docs" / name).read_text()
    root = ET.fromstring(text)  # noqa: S314  our own file
    width = float(root.attrib["viewBox"].split()[2])
    sizes = [float(size) for size in re.findall(r"font-size[:=]\"?([\d.]+)", text)]
    assert min(sizes) * 358 / width >= 9.5
    assert "@media (prefers-color-scheme: dark)" in text
    shown = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"captured requests", "confirmed labels", "monitor", "export"} <= shown
    assert [element for element in root if element.tag.endswith(("title", "desc")) and not element.text] == []


def test_every_message_that_a_page_explains_is_one_of_the_sources() -> None:
    """A message in a first column, up to each `...`; words of AWS, which are single, are not ours."""
    sources = "".join(
        re.sub(r'"\n\s*f?"', "", (ROOT / name).read_text())
        for name in TRACKED
        if name.endswith((".py", "Makefile")) and not name.startswith("tests/") and (ROOT / name).exists()
    )
    cells = [cell for page in PAGES.values() for cell in re.findall(r"^\| (.*?) \|", page, re.MULTILINE)]
    messages = [message for cell in cells for message in re.findall(r"`([^`]+)`", cell) if " " in message]
    pieces = {piece.strip(" :'") for message in messages for piece in message.split("...")}
    ours = {piece for piece in pieces if " " in piece and not piece.startswith(("make ", "python -m ", "Cannot have"))}
    assert len(ours) > 10
    assert {piece for piece in ours if piece not in sources} == set()
