# SPDX-License-Identifier: MIT-0
"""The emulator as a process of its own on the loopback, started for a session of tests and ended by its id."""

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.assembly import ROOT
from tests.proof.sample import HERE, Place

PYTHON = ROOT / ".venv/emulator/bin/python"


@dataclass(frozen=True)
class Emulator:
    """A running emulator.

    Attributes:
        url: Its endpoint, the same for all services.
    """

    url: str

    def environment(self, place: Place = HERE) -> dict[str, str]:
        """Return the credentials of an account's root: the emulator takes an account id for its root's key."""
        return {
            "AWS_ACCESS_KEY_ID": place.account,
            "AWS_SECRET_ACCESS_KEY": "emulated",
            "AWS_REGION": place.region,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str, place: Place = HERE, *, tls: bool = True, **credentials: str) -> Any:
        """Return a client of `service`: of the root, or of whom the `credentials` belong to.

        Args:
            service: As boto3 calls it.
            place: Region that it asks, and the account whose root it is.
            tls: Whether a request says that it came over TLS, as a proxy in front of the emulator would say for it.
            credentials: As boto3 takes them.
        """
        root = {"aws_access_key_id": place.account, "aws_secret_access_key": "emulated"}
        config = Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}, read_timeout=20)
        client = boto3.client(
            service, endpoint_url=self.url, region_name=place.region, config=config, **(credentials or root)
        )
        if tls:
            client.meta.events.register("before-send", _over_tls)
        return client


def _over_tls(request: Any, **_: Any) -> None:
    request.headers["X-Forwarded-Proto"] = "https"


@contextmanager
def running(folder: Path) -> Iterator[Emulator]:
    """Run an emulator that enforces IAM; what it says goes to a file in `folder`.

    Raises:
        RuntimeError: It did not start, or not in half a minute.
    """
    port = _free_port()
    settings = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "AUTH": "true", "LOG_LEVEL": "WARNING"}
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder), **settings}
    with (folder / "emulator.log").open("wb") as log:
        command = [str(PYTHON), "-m", "ministack"]
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
    try:
        emulator = Emulator(f"http://127.0.0.1:{port}")
        _wait(emulator, process, folder / "emulator.log")
        yield emulator
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(emulator: Emulator, process: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(150):
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{emulator.url}/_ministack/ready", timeout=2):  # noqa: S310 - own loopback
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"The emulator did not start. It said:\n{log.read_text(errors='replace')[-2000:]}")
