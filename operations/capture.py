# SPDX-License-Identifier: MIT-0
"""How much of what production was asked is kept, and so how large the volume of the job that reads it has to be.

A job fetches all of its input before it begins. Source: SageMaker API Reference, ProcessingClusterConfig.
"""

import math
from typing import Final

from operations.client import Client

_GB: Final = 1 << 30
# What the job itself writes is less: it looks at one picture after the other and keeps figures.
_TIMES: Final = 2
_SPARE_GB: Final = 10
LEAST_GB: Final = 30
# The quota of a new account for a job's volume [?]. What would need more fails with a full volume; its log says so.
MOST_GB: Final = 1000


def size(s3: Client, uri: str) -> int | None:
    """Return the bytes of all objects that begin with `uri`, or None where there is none.

    Raises:
        ClientError: The service refused.
    """
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    sizes = [found["Size"] for page in pages for found in page.get("Contents", [])]
    return sum(sizes) if sizes else None


def volume(size: int) -> int:
    """Return the gigabytes of the volume of a job that fetches so many bytes."""
    return min(MOST_GB, max(LEAST_GB, _SPARE_GB + _TIMES * math.ceil(size / _GB)))
