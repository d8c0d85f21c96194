# SPDX-License-Identifier: MIT-0
"""The rules of the names, paths and URIs in a definition, so that nothing is written outside the home.

Sources: the published JSON schema of pipeline definitions (names of steps and parameters); the SageMaker API,
2017-07-24 (EntityName, PipelineName, ChannelName, S3Uri, ProcessingEnvironmentKey). A channel's name may be ``..`` for
the service; here it becomes a folder.
"""

import re
from pathlib import PurePosixPath
from typing import Final

from local.aws.s3_store import s3_uri_problem
from local.engine.json_shapes import TextRule
from local.errors import UsageError
from local.runners.job_runner import image_problem, software_of_image
from local.steps.step_context import OPT_ML

_STEP_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ENTITY_NAME: Final = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_PIPELINE_NAME: Final = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,255}")
_CHANNEL_NAME: Final = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}")
_VARIABLE_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,255}")
_HEADER: Final = re.compile(r"[\x20-\x7e]{0,256}")
_COMPONENT_BYTES: Final = 200  # of a file name; file systems take 255, and the engine adds endings


def _matches(pattern: re.Pattern[str], wanted: str, *, literal: bool = False) -> TextRule:
    return TextRule(lambda text: "" if pattern.fullmatch(text) else f"the service takes {wanted}.", literal=literal)


NAME: Final = _matches(_STEP_NAME, "1 to 64 letters, digits, - and _", literal=True)
LABEL: Final = _matches(re.compile(r".{1,64}", re.DOTALL), "1 to 64 characters", literal=True)
GROUP_NAME: Final = _matches(
    _ENTITY_NAME, "1 to 63 letters, digits and single - between them; the local engine takes no ARN here"
)
CHANNEL_NAME: Final = _matches(_CHANNEL_NAME, "1 to 64 letters, digits, ., - and _, not . or ..", literal=True)
VARIABLE_NAME: Final = _matches(_VARIABLE_NAME, "letters, digits and _, not beginning with a digit")
HEADER: Final = _matches(_HEADER, "at most 256 printable ASCII characters")


def check_pipeline_name(name: str) -> None:
    """Check the name of a pipeline.

    Raises:
        UsageError: The service would reject it.
    """
    if not _PIPELINE_NAME.fullmatch(name):
        raise UsageError(
            f"pipeline {name!r}: the service takes 1 to 256 letters, digits and - between them. Rename it."
        )


def _path_problem(text: str, below: str) -> str:
    path = PurePosixPath(text)
    if not text.startswith(f"{below}/") or ".." in path.parts or path == PurePosixPath(below):
        return f"must be below {below}, as the service requires."
    return _component_problem(path)


def _component_problem(path: PurePosixPath) -> str:
    long = next((part for part in path.parts if len(part.encode()) > _COMPONENT_BYTES), None)
    return f"a part of it has more than {_COMPONENT_BYTES} bytes. Shorten it." if long else ""


def _file_path_problem(text: str) -> str:
    path = PurePosixPath(text)
    if not path.parts or path.is_absolute() or ".." in path.parts:
        return "not a path below the output. Write for example evaluation.json."
    return _component_problem(path)


def _uri_problem(text: str) -> str:
    return s3_uri_problem(text) or _component_problem(PurePosixPath(text.partition("://")[2]))


def _server_image_problem(text: str) -> str:
    if problem := image_problem(text):
        return problem
    return "" if software_of_image(text).serve else "this image has no model server. Name that of the algorithm."


def path_below(folder: str) -> TextRule:
    """Return the rule of a path in the container below `folder`."""
    return TextRule(lambda text: _path_problem(text, folder))


PROCESSING_PATH: Final = path_below(f"{OPT_ML}/processing")
JOB_PATH: Final = path_below(OPT_ML)
FILE_PATH: Final = TextRule(_file_path_problem, literal=True)
S3_URI: Final = TextRule(_uri_problem)
IMAGE: Final = TextRule(image_problem)
SERVER_IMAGE: Final = TextRule(_server_image_problem)
