# SPDX-License-Identifier: MIT-0
"""Which changes of resources that stay take a protection away: encryption, versioning, retention, an approval."""

import json
import re
from typing import Any, Final

from review.comparison import Resource
from review.difference import ABSENT, Difference, differences
from review.resource import ADDED, DESTROYED, LEFT, is_stateful, lines, named, verb

_PROTECTING: Final = re.compile(
    r"kms|encrypt|(block|ignore|restrict)public|publicaccessblock|isolation|versioning|permissionsboundary"
    r"|enablekeyrotation|terminationprotection|deletionprotection|autorollback|logging",
    re.IGNORECASE,
)
# Permissions are judged by permission.py, whatever they are called.
_POLICY: Final = re.compile(r"^(\w*Policy\w*|Policies)(?=[.\[])")
_OFF: Final = frozenset({"false", "disabled", "suspended", "none", "null", ""})
_POLICIES: Final = ("DeletionPolicy", "UpdateReplacePolicy")
_KEPT: Final = ("Retain", "Snapshot")
_APPROVAL: Final = '"Category": "Approval"'


def weakened(resource: Resource) -> list[Difference]:
    """Return the differences of a resource that stays which turn a protection off."""
    if verb(resource) in {ADDED, DESTROYED, LEFT}:
        return []
    return [each for each in lines(resource) if is_turned_off(each) or _is_unkept(resource, each)]


def is_turned_off(difference: Difference) -> bool:
    """Return whether something whose name speaks of protection ends, or is weaker: encryption with a key of ours."""
    if _POLICY.match(difference.path):
        return False
    if not _PROTECTING.search(difference.path):
        return difference.new is ABSENT and any(map(is_turned_off, _parts(difference)))
    old, new = _word(difference.old), _word(difference.new)
    return old not in _OFF and (new in _OFF or (old.startswith("aws:kms") and not new.startswith("aws:kms")))


def dropped_approvals(resource: Resource) -> int:
    """Return how many manual approvals a delivery pipeline has fewer than before."""
    if resource.type != "AWS::CodePipeline::Pipeline":
        return 0
    every = [each for one in resource.properties for each in named(one)]
    return max(0, sum(_count(each.old) - _count(each.new) for each in every))


def _parts(difference: Difference) -> list[Difference]:
    """Return what goes with a value that goes as a whole: isolation may be part of it."""
    old = difference.old
    return differences(old, type(old)(), difference.path) if isinstance(old, dict | list) else []


def _is_unkept(resource: Resource, difference: Difference) -> bool:
    was_kept = _word(difference.old).title().startswith(_KEPT)
    is_kept = _word(difference.new).title().startswith(_KEPT)
    return is_stateful(resource) and difference.path in _POLICIES and was_kept and not is_kept


def _word(value: Any) -> str:  # noqa: ANN401  any JSON
    return "" if value is ABSENT else str(value).lower()


def _count(value: Any) -> int:  # noqa: ANN401  any JSON
    return 0 if value is ABSENT else json.dumps(value).count(_APPROVAL)
