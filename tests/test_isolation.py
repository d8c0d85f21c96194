# SPDX-License-Identifier: MIT-0
"""No test sees the machine's AWS account, its network, or that Ctrl-C was switched off for it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest

from local.console.command_frame import stop_on_signals
from tests import isolation

ROOT = Path(__file__).parent.parent
KEYS = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
BEYOND = ("192.0.2.1", 443)  # RFC 5737: an address of nobody


def test_this_process_has_no_account() -> None:
    assert {name: value for name, value in os.environ.items() if name.startswith("AWS_")} == isolation.NO_ACCOUNT
    session = boto3.Session()
    assert (session.get_credentials(), session.region_name, session.available_profiles) == (None, None, [])


def test_this_process_and_its_children_hear_ctrl_c() -> None:
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    code = "import signal; signal.raise_signal(signal.SIGINT)"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert child.returncode == -signal.SIGINT


def test_both_hold_on_a_machine_that_has_all_this(tmp_path: Path) -> None:
    """As a build on CodeBuild, CloudShell or ECS has it, with a profile that fails, without HOME, under nohup."""
    config = tmp_path / "config"
    config.write_text("[profile broken]\nregion = eu-west-1\ncredential_process = /bin/false\n")
    environment = {name: value for name, value in os.environ.items() if name != "HOME"} | {
        "AWS_CONFIG_FILE": str(config),
        "AWS_PROFILE": "broken",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/credentials",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/credentials",
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(config),
    }
    tests = [__file__, "-k", "test_this_process"]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *tests]
    hushed = ["bash", "-c", 'trap "" INT; exec "$@"', "bash", *command]
    run = subprocess.run(hushed, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    "send",
    [
        lambda: socket.create_connection(BEYOND, timeout=1),
        lambda: socket.socket().connect_ex(BEYOND),
        lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"", BEYOND),
        lambda: socket.socket(type=socket.SOCK_DGRAM).sendmsg([b""], [], 0, BEYOND),
        lambda: socket.socket(socket.AF_INET6).connect(("2001:db8::1", 443)),
        lambda: socket.getaddrinfo("sts.us-east-1.amazonaws.com", 443),
        lambda: socket.gethostbyname("sts.us-east-1.amazonaws.com"),
        lambda: boto3.client("sts", "us-east-1", **KEYS).get_caller_identity(),
    ],
)
def test_what_goes_beyond_the_loopback_fails_the_test_and_is_named(send: Callable[[], object]) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"^socket\..*(192\.0\.2\.1|2001:db8::1|sts\.us-east-1).* beyond"):
        send()


def test_the_loopback_and_sockets_of_this_machine_are_open(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1])).close()
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(tmp_path / "s"))
        server.listen()
        client.connect(str(tmp_path / "s"))


def test_a_command_started_with_ctrl_c_switched_off_keeps_it_off() -> None:
    """So does `nohup python -m local serve &`: what a shell runs in the background is not stopped by Ctrl-C."""
    heard: list[str] = []
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stop_on_signals(lambda: heard.append("stop")):
            signal.raise_signal(signal.SIGINT)
            assert heard == []
            signal.raise_signal(signal.SIGTERM)
            assert heard == ["stop"]
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
