# SPDX-License-Identifier: MIT-0
"""Licences of dependencies: every locked package has an allowed one, and what is not known or not allowed fails."""

from email.message import Message
from pathlib import Path

import pytest

from review.supply_chain import dependency_licences, lock_files
from review.supply_chain.dependency_licences import LicenceException, LicenceRules, stated_licence

ROOT = Path(__file__).parents[3]
RULES = LicenceRules(
    allowed=("MIT", "BSD", "BSD-3-Clause", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"),
    names={
        "mit": "MIT",
        "mit license": "MIT",
        "bsd license": "BSD",
        "3-clause bsd": "BSD-3-Clause",
        "gpl-3.0": "GPL-3.0",
    },
    stated={"silent": "MIT"},
    exceptions=(LicenceException(("gnu-*",), "GPL-3.0", ("dev.txt",), "a linter"),),
)


def test_the_licences_of_this_repository_are_known_and_allowed() -> None:
    locks = lock_files.find_lock_files(ROOT)
    assert {"requirements.txt", "containers/preprocessing/requirements.txt"} <= {each.path for each in locks}
    assert list(dependency_licences.licence_problems(ROOT, locks, dependency_licences.read_rules())) == []


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("GPL-3.0", False),
        ("GPL-3.0 OR MIT", True),
        ("MIT AND GPL-3.0", False),
        ("MIT AND (GPL-3.0 OR Apache-2.0)", True),
        ("GPL-3.0 OR MIT AND GPL-2.0", False),
        ("(GPL-3.0 OR MIT) AND GPL-2.0", False),
        ("Apache-2.0 WITH LLVM-exception AND MIT", True),
        ("MIT WITH Some-exception", False),
        ("MIT MIT", False),
        ("(MIT", False),
        ("MIT AND", False),
        ("", False),
    ],
)
def test_one_side_of_or_and_both_of_and_have_to_be_allowed(expression: str, *, allowed: bool) -> None:
    assert dependency_licences.is_allowed(expression, RULES.allowed) is allowed


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        ([("License-Expression", "MIT OR GPL-3.0"), ("License", "mit")], "MIT OR GPL-3.0"),
        ([("License", "MIT")], "MIT"),
        ([("License", "whole text of a licence"), ("Classifier", "License :: OSI Approved :: MIT License")], "MIT"),
        (
            [("License", "3-Clause\n BSD"), ("Classifier", "License :: OSI Approved :: BSD License")],
            "BSD-3-Clause",
        ),
        ([("Classifier", "License :: OSI Approved :: BSD License")], "BSD"),
        ([("License", "MIT"), ("Classifier", "License :: OSI Approved")], "MIT"),
        ([("License", "MIT"), ("Classifier", "License :: Other/Proprietary License")], "unknown"),
        ([("License", "MIT"), ("License", ""), ("Classifier", "License :: OSI Approved :: BSD License")], "unknown"),
        ([("License", "UNKNOWN")], "unknown"),
        ([], "unknown"),
    ],
)
def test_a_licence_is_read_where_metadata_state_one_and_only_one(fields: list[tuple[str, str]], licence: str) -> None:
    metadata = Message()
    for name, value in fields:
        metadata[name] = value
    assert stated_licence("some", metadata, RULES) == licence  # type: ignore[arg-type]  # what importlib returns is one
    if licence == "unknown":
        assert stated_licence("silent", metadata, RULES) == "MIT"  # type: ignore[arg-type]


def installed(root: Path, name: str, version: str, licence: str) -> None:
    folder = root / f".venv/app/lib/python3.11/site-packages/{name}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\nLicense: {licence}\n")


def locks(*pins: str, path: str = "dev.txt") -> list[lock_files.LockFile]:
    return [lock_files.read_lock_file(path, "\n".join(pins))]


def problems(root: Path, found: list[lock_files.LockFile]) -> list[str]:
    """Write the page as `make licences` does, and return what is wrong."""
    page = root / dependency_licences.PAGE
    page.parent.mkdir(exist_ok=True)
    page.write_text(dependency_licences.render_page(dependency_licences.locked_licences(root, found, RULES), RULES))
    return list(dependency_licences.licence_problems(root, found, RULES))


def test_a_new_dependency_fails_where_its_licence_is_unknown_or_not_allowed(tmp_path: Path) -> None:
    installed(tmp_path, "Good_One", "1.0", "MIT")
    installed(tmp_path, "bad", "1.0", "GPL-3.0")
    installed(tmp_path, "gnu-lint", "1.0", "GPL-3.0")
    assert problems(tmp_path, locks("good-one==1.0", "gnu-lint==1.0")) == []
    (refused,) = problems(tmp_path, locks("bad==1.0", "gnu-lint==1.0"))
    assert refused.startswith("dev.txt: bad: licence 'GPL-3.0' is not allowed by licence-rules.toml.")
    (unknown,) = problems(tmp_path, locks("good-one==2.0", "gnu-lint==1.0", "new==1"))[-1:]
    assert unknown.startswith("dev.txt: new: its licence is unknown")


def test_an_exception_holds_in_its_lock_file_alone_and_goes_with_its_package(tmp_path: Path) -> None:
    installed(tmp_path, "gnu-lint", "1.0", "GPL-3.0")
    refused, unused = problems(tmp_path, locks("gnu-lint==1.0", path="app.txt"))
    assert "app.txt: gnu-lint: licence 'GPL-3.0' is not allowed" in refused
    assert unused == "licence-rules.toml: exception for 'gnu-*': no lock file has such a package. Remove it."


def test_what_is_not_installed_keeps_its_line_and_an_installed_package_corrects_it(tmp_path: Path) -> None:
    installed(tmp_path, "gnu-lint", "1.0", "GPL-3.0")
    installed(tmp_path, "one", "1.0", "MIT")
    found = locks("gnu-lint==1.0", "one==1.0")
    assert problems(tmp_path, found) == []
    (tmp_path / ".venv/app/lib/python3.11/site-packages/one-1.0.dist-info/METADATA").unlink()
    assert list(dependency_licences.licence_problems(tmp_path, found, RULES)) == []
    later = locks("gnu-lint==1.0", "one==1.1")
    installed(tmp_path, "one", "1.1", "3-Clause BSD")
    (changed,) = dependency_licences.licence_problems(tmp_path, later, RULES)
    assert changed.startswith("docs/licences.md: not what is locked and installed now. Run make licences")
