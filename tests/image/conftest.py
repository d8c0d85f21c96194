# SPDX-License-Identifier: MIT-0
"""One builder, one image and one run of each job by each runner, for the whole session."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.runners.container_runner import DEFAULT_IMAGE, ContainerRunner
from local.runners.process_runner import ProcessRunner
from tests.image import builder as builders
from tests.image.loop import Bench, archive_in


@pytest.fixture(scope="session")
def builder() -> builders.Builder:
    try:
        return builders.find(builders.ROOT / ".local/image")
    except builders.NoBuilderError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no container can be run here, so the image is not tested:\n{error}")


@pytest.fixture(scope="session")
def image(builder: builders.Builder) -> Iterator[str]:
    """The preprocessing image, built anew and left for ``python -m local run --runner``."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in builder.environment.items():
            patch.setenv(name, value)
        builder.build(DEFAULT_IMAGE)
        yield DEFAULT_IMAGE


@pytest.fixture(scope="session")
def server_image(builder: builders.Builder) -> str:
    """The image of the model server, built anew."""
    tag = "skin-lesion-model-server:local"
    builder.build(tag, builders.ROOT / "containers/model_server/Dockerfile")
    return tag


@pytest.fixture(scope="session")
def in_container(builder: builders.Builder, image: str, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(ContainerRunner(builder.tool, image), tmp_path_factory.mktemp("container"))


@pytest.fixture(scope="session")
def in_process(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(ProcessRunner(), tmp_path_factory.mktemp("process"))


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return archive_in(tmp_path_factory.mktemp("archive"))


@pytest.fixture(scope="session")
def outputs(in_container: Bench, in_process: Bench, archive: Path) -> tuple[Path, Path]:
    """The outputs of Preprocess and Evaluate: of the container's run, and of the process's."""
    return in_container.outputs(archive), in_process.outputs(archive)
