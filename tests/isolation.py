# SPDX-License-Identifier: MIT-0
"""Keeps the tests apart from the machine: its AWS account, its network, its parent's way with Ctrl-C."""

import functools
import ipaddress
import os
import shutil
import signal
import socket
import subprocess
import sys
from typing import Any, Final

import pytest

NAMESPACE: Final = ("unshare", "--user", "--map-root-user", "--net")
# What a machine with neither account nor instance role has. Subprocesses inherit it.
NO_ACCOUNT: Final = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
# The CDK validates each assembly unless this is set: ten seconds of a processor for the first one, one for each other.
# `cdk synth --strict` validates once, in tests/proof/test_synthesis.py. Node reads it when it starts.
NO_VALIDATION: Final = {"CDK_VALIDATION": "false"}
_SENDS: Final = ("socket.connect", "socket.sendto", "socket.sendmsg")
_LOOK_UPS: Final = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")


@functools.cache
def can_isolate() -> bool:
    """Tell whether this machine does: hosts of builds are among those that may not."""
    if shutil.which(NAMESPACE[0]) is None:
        return False
    return subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode == 0


def prefix() -> tuple[str, ...]:
    """Return what to put before a command: nothing where it keeps the network, so that the test has to say so."""
    return NAMESPACE if can_isolate() else ()


def leave_account() -> None:
    """Remove every variable of AWS, and point the SDK's files nowhere; a test sets what it needs."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(NO_ACCOUNT)


def restore_interrupt() -> None:
    """Let Ctrl-C interrupt this process and its children, even where a shell's `&` has it ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    """Fail the test that sends or looks up something beyond the loopback; an audit hook, so of this process alone.

    What it raises is no Exception: a client that takes errors for answers does not swallow it.
    """
    if not event.startswith("socket."):
        return
    if event in _LOOK_UPS:
        refused = _is_beyond(arguments[0], names=(None, "", "localhost", socket.gethostname()))
    elif event in _SENDS and arguments[0].family in (socket.AF_INET, socket.AF_INET6):
        arguments = arguments[1:]
        refused = arguments[0] is not None and not _is_loopback(arguments[0][0])
    else:
        return
    if refused:
        pytest.fail(
            f"{event} {arguments[0]!r}: beyond the loopback, where no test sends anything. Answer the request in the "
            "test: with a server on 127.0.0.1, or with tests/operations/service.py for AWS."
        )


def isolate() -> None:
    """Do all of the above to this process, for good."""
    leave_account()
    os.environ.update(NO_VALIDATION)
    restore_interrupt()
    sys.addaudithook(refuse_network)


def _is_beyond(host: str | bytes | None, names: tuple[str | None, ...]) -> bool:
    """Return whether somebody else has to be asked for the address: it is no number and none of `names`."""
    text = host.decode(errors="replace") if isinstance(host, bytes) else host
    if text in names:
        return False
    return _address(str(text)) is None


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
