# SPDX-License-Identifier: MIT-0
"""The whole loop, run once a session."""

from collections.abc import Iterator

import pytest

from tests.loop.home import Home, Loop


@pytest.fixture(scope="session")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Loop:
    """The demo, as `make demo` runs it."""
    home = Home(tmp_path_factory.mktemp("demo"))
    archive = home.path / "sample.zip"
    drawn = home.local("sample", "--images", "700", "--seed", "7", archive)
    assert drawn.returncode == 0, drawn.stderr
    return Loop(home, archive, home.local("run", "--archive", archive, "--profile", "demo"))


@pytest.fixture(scope="session")
def endpoint(loop: Loop) -> Iterator[int]:
    """The port on which its model is served, approved and captured; asked for by tests after those that it is not."""
    run = loop.home.registered()
    approved = loop.home.local("approve", run)
    assert approved.returncode == 0, approved.stdout + approved.stderr
    with loop.home.served(run) as port:
        yield port
