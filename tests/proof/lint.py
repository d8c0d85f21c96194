# SPDX-License-Identifier: MIT-0
"""cfn-lint over a template: CloudFormation's own schemas, nothing ignored."""

import fcntl
import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from tests.proof.intrinsic import Documents
from tests.proof.sample import where

# Warnings that are passed over, by what they begin with, and why. No error is.
WARNINGS: Final = {
    "W3005 ": "the CDK makes a function and a pipeline wait for their role's policy, and names the role with it",
    "W2001 Parameters/RunsBucket": "both stages take the same parameters, and one that captures nothing uses no bucket",
}


# Advice on style, which cfn-lint gives as an error where it stands in the configuration of a CodePipeline action.
ADVICE: Final = "Prefer using Fn::Sub over Fn::Join with an empty delimiter"


def problems(documents: Documents, regions: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield what cfn-lint finds in `documents`: errors and warnings, in the regions where they are or in others."""
    for name, document in documents.items():
        text = json.dumps(document, sort_keys=True)
        yield from (f"{name}: {finding}" for finding in _findings(text, regions or (where(name, document).region,)))


_kept: list[Path] = []


@cache
def _rules() -> Any:
    """Return the rules of cfn-lint's command line, which reads them once for all files; `lint` would for each."""
    from cfnlint.config import ConfigMixIn
    from cfnlint.runner import Runner

    return Runner(ConfigMixIn()).rules


def keep_findings(folder: Path) -> None:
    """Keep findings in `folder`, where other processes find those of the same template."""
    folder.mkdir(exist_ok=True)
    _kept[:] = [folder]


@cache
def _findings(template: str, regions: tuple[str, ...]) -> tuple[str, ...]:
    if not _kept:
        return _linted(template, regions)
    kept = _kept[0] / f"{hashlib.sha256(json.dumps([template, regions]).encode()).hexdigest()[:16]}.json"
    with kept.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        earlier = file.read()
        found = tuple(json.loads(earlier)) if earlier else _linted(template, regions)
        if not earlier:
            file.write(json.dumps(found))
    return found


def _linted(template: str, regions: tuple[str, ...]) -> tuple[str, ...]:
    # Its import takes two seconds, which a test that lints nothing need not wait for.
    from cfnlint.api import lint
    from cfnlint.config import ManualArgs

    # Errors are never passed over, and warnings only as written here.
    found = lint(template, rules=_rules(), config=ManualArgs(regions=list(regions)))
    said = [f"{each.rule.id} {'/'.join(map(str, each.path or ()))}: {each.message}" for each in found]
    return tuple(each for each in said if not each.startswith(tuple(WARNINGS)) and not each.endswith(ADVICE))
