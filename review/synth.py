# SPDX-License-Identifier: MIT-0
"""What a cloud assembly (a cdk.out folder) holds: its stacks, those of nested assemblies and nested stacks included.

Source of the format: the CDK's cloud-assembly schema, `manifest.json`; artifacts of type aws:cloudformation:stack
have a template, those of type cdk:cloud-assembly are folders with a manifest of their own (a cdk.Stage).

Synthesizes both sides at the same time, by `python app.py` as the CDK's command line would call it.

Its own start costs a second a side, and it would look for credentials. So what it hands to an app is handed over
here: the output folder and the context (docs: "AWS CDK app", environment variables CDK_OUTDIR, CDK_CONTEXT_JSON).
"""

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from review.errors import ComparisonError, SynthesisError

_STACK_ARTIFACT: Final = "aws:cloudformation:stack"
_ASSEMBLY: Final = "cdk:cloud-assembly"
_NESTED: Final = ".nested.template.json"


@dataclasses.dataclass(frozen=True)
class Stack:
    """One template and where it goes.

    Attributes:
        name: The construct's path, such as ``Production/Endpoint``: what the two sides are matched by.
        template: Path of its JSON.
        physical_name: The name that CloudFormation knows it by; empty for a nested stack.
        environment: Such as ``aws://111111111111/eu-west-1``.
        protected: Whether it is protected against deletion.
    """

    name: str
    template: Path
    physical_name: str = ""
    environment: str = ""
    protected: bool = False


def read_stacks(folder: Path) -> dict[str, Stack]:
    """Return the stacks of the assembly in `folder`, by name.

    Raises:
        ComparisonError: It is no cloud assembly.
    """
    found: dict[str, Stack] = {}
    for name, artifact in _manifest(folder).get("artifacts", {}).items():
        properties = artifact.get("properties", {})
        if artifact.get("type") == _STACK_ARTIFACT:
            stack = _read_stack(folder, name, artifact)
            found[stack.name] = stack
        elif artifact.get("type") == _ASSEMBLY:
            found |= read_stacks(folder / properties["directoryName"])
    return dict(sorted((found | _nested(folder)).items()))


def _read_stack(folder: Path, name: str, artifact: dict[str, Any]) -> Stack:
    properties = artifact["properties"]
    return Stack(
        artifact.get("displayName") or name,
        folder / properties["templateFile"],
        properties.get("stackName", name),
        artifact.get("environment", ""),
        bool(properties.get("terminationProtection")),
    )


def _nested(folder: Path) -> dict[str, Stack]:
    paths = folder.glob(f"*{_NESTED}")
    return {name: Stack(name, path) for path in paths for name in [path.name.removesuffix(_NESTED)]}


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    except (OSError, ValueError) as error:
        raise ComparisonError(
            f"{folder.name}: no cloud assembly ({type(error).__name__}). Let app.py end with app.synth()."
        ) from error
    return manifest


APP: Final = "app.py"
_LINES: Final = 15
_WIDTH: Final = 300
# What could differ from one machine to the next: credentials, regions, modules of another checkout.
_PREFIXES: Final = ("AWS_", "CDK_", "GIT_", "PYTHONPATH")
_SET: Final = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "PYTHONHASHSEED": "0",
}
# The command line asks for the construct's path in each resource's metadata; without it resources had no names.
_CONTEXT: Final = {"aws:cdk:enable-path-metadata": True}


@dataclasses.dataclass(frozen=True)
class AppVersion:
    """One state of the app.

    Attributes:
        name: How messages call it: ``base`` or ``head``.
        place: The folder of app.py.
        output: Receives the cloud assembly.
    """

    name: str
    place: Path
    output: Path

    @property
    def has_app(self) -> bool:
        """Return whether there is something to synthesize."""
        return (self.place / APP).is_file()


def synthesize_versions(sides: Sequence[AppVersion], context: Mapping[str, str]) -> None:
    """Write the cloud assembly of each side.

    Args:
        sides: Each has an app.
        context: Given on the command line: the same for all, and stronger than their cdk.json.

    Raises:
        SynthesisError: An app ended with an error; says which side's, and its last lines.
    """
    with ExitStack() as stack:
        running = [stack.enter_context(_process(side, context)) for side in sides]
        codes = [process.wait() for process in running]
    failed = [f"{_reason(side, code)}" for side, code in zip(sides, codes, strict=True) if code]
    if failed:
        raise SynthesisError("\n\n".join(failed))


@contextmanager
def _process(side: AppVersion, context: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Start the side's app; end it if another one could not be waited for."""
    side.output.mkdir()
    variables = _environment() | {
        "CDK_OUTDIR": str(side.output),
        "CDK_CONTEXT_JSON": json.dumps(_context(side, context)),
    }
    with _log(side).open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, APP], cwd=side.place, env=variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(_PREFIXES)} | _SET


def _context(side: AppVersion, given: Mapping[str, str]) -> dict[str, Any]:
    """Return the context as the command line merges it: its own file of looked-up values is the weakest."""
    looked_up = _document(side, "cdk.context.json")
    return {**looked_up, **_document(side, "cdk.json").get("context", {}), **_CONTEXT, **given}


def _document(side: AppVersion, name: str) -> dict[str, Any]:
    try:
        document = json.loads((side.place / name).read_text())
    except FileNotFoundError:
        return {}
    except (ValueError, OSError) as error:
        raise SynthesisError(f"{side.name}: {name}: {error}. Correct it there.") from error
    if not isinstance(document, dict):
        raise SynthesisError(f"{side.name}: {name}: no JSON object. Correct it there.")
    return document


def _log(side: AppVersion) -> Path:
    return side.output.with_suffix(".log")


def _reason(side: AppVersion, code: int) -> str:
    text = _log(side).read_text(errors="replace")
    # The places of this machine say nothing to whoever reads a comment.
    for place, name in ((side.place, ""), (side.output.parent, ""), (Path(sys.prefix), "python/"), (Path.home(), "~/")):
        text = text.replace(f"{place}/", name)
    lines = "\n".join(f"    {line[:_WIDTH]}" for line in text.rstrip().splitlines()[-_LINES:])
    ended = f"{side.name}: `python {APP}` ended with {code}; its last lines:"
    return f"{ended}\n\n{lines}\n\nMake it synthesize, then run again."
