# SPDX-License-Identifier: MIT-0
"""Lets botocore parse each of its JSON files once a process, not once a session.

A session of boto3 reads the endpoints of all regions and the model of each service anew; the SageMaker SDK makes
several sessions for each definition that it renders. botocore shares what it has read among the clients of a session,
so nothing changes it.
"""

import functools
from typing import Any

from botocore.loaders import JSONFileLoader


def share_models() -> None:
    """Keep what botocore reads, for this process, for good."""
    read = JSONFileLoader().load_file

    @functools.cache
    def load_file(path: str) -> Any:
        return read(path)

    JSONFileLoader.load_file = lambda _self, file_path: load_file(file_path)
