# SPDX-License-Identifier: MIT-0
"""Which part of the work is this host's, when several run the job.

Source: SageMaker Developer Guide, "How Amazon SageMaker Configures Input and Output for Your Processing Container":
``/opt/ml/config/resourceconfig.json``.
"""

import json
from pathlib import Path
from typing import NamedTuple

from pipeline_src import contract
from pipeline_src.lesions.error import BadInputError


class Share(NamedTuple):
    """Host number `host`, from 0, of `hosts`."""

    host: int = 0
    hosts: int = 1

    def owns(self, number: int) -> bool:
        """Return whether this host does image `number`."""
        return number % self.hosts == self.host

    def name(self, name: str) -> str:
        """Return `name` as this host writes it."""
        return contract.shard_name(name, self.host, self.hosts)

    @property
    def first(self) -> bool:
        """Whether this host writes what is written once."""
        return self.host == 0


def read(path: Path) -> Share:
    """Read the share from a resourceconfig.json; without one there is one host.

    Raises:
        BadInputError: the file does not name this host among the hosts.
    """
    if not path.exists():
        return Share()
    try:
        config = json.loads(path.read_bytes())
        hosts = sorted(set(config["hosts"]))
        return Share(hosts.index(config["current_host"]), len(hosts))
    except (ValueError, KeyError, TypeError) as error:
        raise BadInputError(f"{path}: does not name this host among the hosts: {error}. Correct it.") from error
