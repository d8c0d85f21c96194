# SPDX-License-Identifier: MIT-0
"""Policies that a service would refuse for their length or their number of statements, at the first deployment.

Sources: SQS Developer Guide, "Amazon SQS policy quotas"; SNS quotas ("Topic policy"); S3 User Guide, "Bucket policies";
KMS Developer Guide, "Resource quotas" (key policy document size); IAM User Guide, "IAM and STS quotas", which counts no
whitespace and adds the inline policies of a role up.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from tests.proof.intrinsic import Documents
from tests.proof.policy import Policy, policies

QUEUE_STATEMENTS: Final = 20
INLINE: Final = 10_240
_MANAGED: Final = 6_144
_TRUST: Final = 2_048
_OF_RESOURCES: Final = {
    "AWS::KMS::Key": 32_768,
    "AWS::S3::BucketPolicy": 20_480,
    "AWS::SNS::TopicPolicy": 30_720,
    "AWS::SQS::QueuePolicy": 8_192,
}


def problems(documents: Documents) -> Iterator[str]:
    """Yield which policies of `documents` are too long."""
    inline = defaultdict[tuple[str, str], int](int)
    for policy in policies(documents):
        if policy.kind == "identity" and policy.owner != "AWS::IAM::ManagedPolicy":
            for role in policy.roles:
                inline[policy.account, role] += size(policy.document)
        else:
            limit = _limit(policy)
            if size(policy.document) > limit:
                yield f"{policy.place}: the policy has {size(policy.document)} characters; {limit} at most"
        if policy.owner == "AWS::SQS::QueuePolicy" and len(policy.statements) > QUEUE_STATEMENTS:
            yield f"{policy.place}: the policy has {len(policy.statements)} statements; {QUEUE_STATEMENTS} at most"
    for (_, role), characters in inline.items():
        if characters > INLINE:
            yield f"role {role}: its inline policies have {characters} characters; {INLINE} at most"


def size(document: dict[str, Any]) -> int:
    """Return how long a policy is in the partition whose ARNs are longest."""
    text = json.dumps(document, separators=(",", ":"))
    return len(text.replace('"arn:aws:', '"arn:aws-us-gov:').encode())


def _limit(policy: Policy) -> int:
    if policy.kind == "trust":
        return _TRUST
    return _MANAGED if policy.kind == "identity" else _OF_RESOURCES[policy.owner]
