# SPDX-License-Identifier: MIT-0
"""Reads what an event of the model registry says of a change.

The registry sends the same type of event for each change of a package, with the approval as it stands: an edit of its
metadata or of its card too. UpdatedModelPackageFields says what was changed. It may be absent, so that no rule of
EventBridge may ask for it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

_APPROVAL: Final = "ModelApprovalStatus"
_CHANGED: Final = "UpdatedModelPackageFields"


def package_arn(detail: Mapping[str, Any]) -> str:
    """Return the ARN of the package that the event is about, or empty."""
    return str(detail.get("ModelPackageArn", ""))


def leaves_approval(detail: Mapping[str, Any]) -> bool:
    """Return whether the event tells of a change that does not concern the approval.

    An event that does not say what was changed may tell of an approval.
    """
    changed: Sequence[str] = detail.get(_CHANGED) or ()
    return bool(changed) and _APPROVAL not in changed
