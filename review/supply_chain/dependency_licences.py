# SPDX-License-Identifier: MIT-0
"""Lists the licence of each locked package, and checks them against the rules of this repository.

A licence is read from the metadata of the installed package: License-Expression (PEP 639), else the field License or
the classifiers, in the words of the rules. The list is kept in the repository, because no machine has all environments:
a package that is not installed here has the licence that was read where it was.

Tools that read metadata (pip-licenses, liccheck) know one environment and no exception for a package in one lock file.
"""

import fnmatch
import importlib.metadata
import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageMetadata
from pathlib import Path
from typing import Final

from review.supply_chain.lock_files import LockFile, Pin, canonical_name

RULES: Final = Path(__file__).with_name("licence-rules.toml")
PAGE: Final = "docs/licences.md"
UNKNOWN: Final = "unknown"
_SITE_PACKAGES: Final = (".venv/*/lib/python3*/site-packages", ".venv/*")
_CLASSIFIER: Final = "License :: "
_NO_LICENCE: Final = ("osi approved", "freely distributable")  # classifiers that name none
_BSD: Final = "BSD"
_TOKEN: Final = re.compile(r"[()]|[^\s()]+(?:\s+WITH\s+[^\s()]+)?")
_ROW: Final = re.compile(r"^\| (?P<name>\S+) \| (?P<licence>[^|]+) \| (?P<locks>[^|]+) \|$", re.MULTILINE)


@dataclass(frozen=True)
class LicenceException:
    """A licence that some packages may have in some lock files.

    Attributes:
        packages: Names, or patterns of names.
        licence: The licence.
        locks: Paths of the lock files.
        reason: Why that does no harm.
    """

    packages: Sequence[str]
    licence: str
    locks: Sequence[str]
    reason: str


@dataclass(frozen=True)
class LicenceRules:
    """The rules.

    Attributes:
        allowed: SPDX identifiers.
        names: SPDX identifiers by what metadata call a licence, in lower case.
        stated: Licences by package, where the metadata have none and the package's files were read.
        exceptions: The exceptions.
    """

    allowed: Collection[str]
    names: Mapping[str, str]
    stated: Mapping[str, str]
    exceptions: Sequence[LicenceException]

    def permits(self, name: str, licence: str, lock: str) -> bool:
        """Return whether a package may have a licence in a lock file."""
        return is_allowed(licence, self.allowed) or any(
            each.licence == licence and lock in each.locks for each in self.exceptions_of(name)
        )

    def exceptions_of(self, name: str) -> list[LicenceException]:
        """Return the exceptions for a package."""
        return [each for each in self.exceptions if any(fnmatch.fnmatch(name, one) for one in each.packages)]


# Licences by package and lock file.
Licences = Mapping[tuple[str, str], str]


def read_rules(path: Path = RULES) -> LicenceRules:
    """Return the rules in a file."""
    told = tomllib.loads(path.read_text(encoding="utf-8"))
    exceptions = [LicenceException(**each) for each in told["exceptions"]]
    return LicenceRules(told["allowed"], told["names"], told["stated"], exceptions)


def is_allowed(expression: str, allowed: Collection[str]) -> bool:
    """Return whether a licence expression can be met with allowed licences: one side of OR, both of AND."""
    tokens = _TOKEN.findall(expression)
    try:
        verdict = _alternatives(tokens, allowed)
    except IndexError:
        return False
    return verdict and not tokens


def _alternatives(tokens: list[str], allowed: Collection[str]) -> bool:
    """Take an expression off the front of `tokens`, and return whether it can be met."""
    verdict = _joined(tokens, allowed)
    while tokens and tokens[0] == "OR":
        tokens.pop(0)
        verdict = _joined(tokens, allowed) or verdict
    return verdict


def _joined(tokens: list[str], allowed: Collection[str]) -> bool:
    verdict = _single(tokens, allowed)
    while tokens and tokens[0] == "AND":
        tokens.pop(0)
        verdict = _single(tokens, allowed) and verdict
    return verdict


def _single(tokens: list[str], allowed: Collection[str]) -> bool:
    first = tokens.pop(0)
    if first != "(":
        return first in allowed
    verdict = _alternatives(tokens, allowed)
    return tokens.pop(0) == ")" and verdict


def stated_licence(name: str, metadata: PackageMetadata, rules: LicenceRules) -> str:
    """Return the licence that the metadata of a package state, in the words of the rules; else `UNKNOWN`.

    Args:
        name: Canonical name of the package.
        metadata: Its metadata.
        rules: The rules.
    """
    if expression := _field(metadata, "License-Expression"):
        return expression
    if name in rules.stated:
        return rules.stated[name]
    classifiers = [each for each in metadata.get_all("Classifier") or [] if each.startswith(_CLASSIFIER)]
    words = {each.rpartition(" :: ")[2].lower() for each in classifiers} - set(_NO_LICENCE)
    if not words <= rules.names.keys():
        return UNKNOWN
    # The field is free text: a sentence, the whole licence, or nothing.
    text = " ".join(_field(metadata, "License").split()).lower()
    found = {rules.names[each] for each in (words | {text}) & rules.names.keys()}
    if any(each.startswith(f"{_BSD}-") for each in found):
        found.discard(_BSD)  # the classifier, which does not say which of the BSD licences it is
    return found.pop() if len(found) == 1 else UNKNOWN


def _field(metadata: PackageMetadata, name: str) -> str:
    return str((metadata.get_all(name) or [""])[0])


def installed_licences(root: Path, rules: LicenceRules) -> dict[Pin, str]:
    """Return the licences of the packages that are installed in the environments of a repository."""
    folders = [str(folder) for pattern in _SITE_PACKAGES for folder in sorted(root.glob(pattern))]
    found: dict[Pin, str] = {}
    for each in importlib.metadata.distributions(path=folders):
        # A folder that an interrupted installation has left has no name.
        if name := canonical_name(_field(each.metadata, "Name")):
            found[Pin(name, each.version)] = stated_licence(name, each.metadata, rules)
    return found


def locked_licences(root: Path, locks: Iterable[LockFile], rules: LicenceRules) -> Licences:
    """Return the licence of each locked package.

    It is that of the lock file itself or of the installed package; or else the one in the rules or on the page.
    """
    page = root / PAGE
    listed = _listed_licences(page.read_text(encoding="utf-8")) if page.is_file() else {}
    installed = installed_licences(root, rules)
    return {
        (pin.name, lock.path): lock.licences.get(pin.name)
        or installed.get(pin)
        or rules.stated.get(pin.name)
        or listed.get((pin.name, lock.path), UNKNOWN)
        for lock in locks
        for pin in lock.pins
    }


def licence_problems(root: Path, locks: Sequence[LockFile], rules: LicenceRules) -> Iterator[str]:
    """Yield a sentence for each licence that is refused, and one if the page is not up to date."""
    licences = locked_licences(root, locks, rules)
    yield from refused_licences(licences, rules)
    page = root / PAGE
    if not page.is_file() or page.read_text(encoding="utf-8") != render_page(licences, rules):
        yield f"{PAGE}: not what is locked and installed now. Run make licences, and review what changes."


def refused_licences(licences: Licences, rules: LicenceRules) -> Iterator[str]:
    """Yield a sentence for each package whose licence is unknown or not allowed, and for each exception of none."""
    for (name, lock), licence in sorted(licences.items()):
        if licence == UNKNOWN:
            yield (
                f"{lock}: {name}: its licence is unknown: not installed here, or not in its metadata. Set its "
                f"environment up and run make licences; or read its files and add it to [stated] in {RULES.name}."
            )
        elif not rules.permits(name, licence, lock):
            yield (
                f"{lock}: {name}: licence {licence!r} is not allowed by {RULES.name}. Take another package, or add an "
                "exception with its reason there."
            )
    for each in rules.exceptions:
        for pattern in each.packages:
            if not any(fnmatch.fnmatch(name, pattern) and lock in each.locks for name, lock in licences):
                yield f"{RULES.name}: exception for {pattern!r}: no lock file has such a package. Remove it."


_HEAD: Final = f"""\
# Licences of dependencies

Generated: `make licences` writes this page from the metadata of the packages that are installed in `.venv/`; what is
not installed there keeps its line. Allowed licences and exceptions are in
[{RULES.name}](../review/supply_chain/{RULES.name}). `make test` refuses a locked package whose licence is unknown or
not allowed.

"""


def render_page(licences: Licences, rules: LicenceRules) -> str:
    """Return the list as a page: exceptions with their reasons, then a row for each package and licence."""
    rows: dict[tuple[str, str], list[str]] = {}
    for (name, lock), licence in sorted(licences.items()):
        rows.setdefault((name, licence), []).append(lock)
    reasons = [f"- {each.licence}, {', '.join(each.packages)}: {each.reason}\n" for each in rules.exceptions]
    table = [f"| {name} | {licence} | {', '.join(found)} |\n" for (name, licence), found in rows.items()]
    return "".join(
        [
            _HEAD,
            "## Exceptions\n\n",
            *reasons,
            "\n## Packages\n\n| package | licence | locked in |\n|---|---|---|\n",
            *table,
        ]
    )


def _listed_licences(text: str) -> Licences:
    return {(row["name"], lock): row["licence"] for row in _ROW.finditer(text) for lock in row["locks"].split(", ")}
