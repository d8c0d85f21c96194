# SPDX-License-Identifier: MIT-0
"""What must stand in no template: tokens, placeholders, accounts, and paths of the machine that synthesized it."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from pipeline_src.algorithms.algorithm_table import ALGORITHMS
from tests.proof.intrinsic import Documents

_FORBIDDEN: Final = {
    "an unresolved token": re.compile(r"\$\{Token\[|Token\[[\w.]*\.\d+\]|<unresolved|-1\.8881545897087\d*e\+?289"),
    "a placeholder": re.compile(r"\b(TODO|FIXME|PLACEHOLDER|placeholder|CHANGE_?ME|changeme|xxxx+|dummy|your-\w+)\b"),
    "an account id": re.compile(r"(?<![0-9A-Za-z-])\d{12}(?![0-9A-Za-z-])"),
    "a path of this machine": re.compile(r"(?<![\w./:}-])/(home|root|Users|private|var/folders|work|mnt|usr/src)/"),
    "a secret": re.compile(r"AKIA[0-9A-Z]{16}|-----BEGIN|aws_secret_access_key", re.IGNORECASE),
    "an address of this machine": re.compile(r"localhost|127\.0\.0\.1"),
}
# AWS's own registries, one account a region, which are public.
_REGISTRIES: Final = {
    account for each in ALGORITHMS.values() for image in each.images for account in image.accounts.values()
}
# These registries by region, and a note of tests/assembly.py, in no real template.
_PUBLIC: Final = ("Mappings", "Metadata")


def problems(documents: Documents) -> Iterator[str]:
    """Yield each text in `documents` that is forbidden, with where it stands."""
    # What the settings say has to stand in the templates of a deployment that spans accounts.
    known = _REGISTRIES | {
        name for each in documents.values() for name in re.findall(r"\d{12}", str(each.get("Metadata", "")))
    }
    for name, document in documents.items():
        for place, text in _texts({key: each for key, each in document.items() if key not in _PUBLIC}, name):
            for what, pattern in _FORBIDDEN.items():
                if match := next((each for each in pattern.finditer(text) if each[0] not in known), None):
                    yield f"{place}: {what}: {match[0]}"


def _texts(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield f"{place} key", str(key)
            yield from _texts(each, f"{place}/{key}")
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _texts(each, f"{place}/{number}")
    else:
        yield place, value if isinstance(value, str) else json.dumps(value)
