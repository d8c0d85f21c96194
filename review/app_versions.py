# SPDX-License-Identifier: MIT-0
"""Checks out the base of a branch, synthesizes both versions of the app, and reads their stacks.

The base is the commit where the branch left it, in a temporary worktree. Both versions are synthesized in parallel.
The app is run as ``python app.py`` without the CDK's command line, which takes a second to start and looks for
credentials. Output folder and context are passed as the command line does: CDK_OUTDIR and CDK_CONTEXT_JSON.
Source of the format of a cloud assembly (a cdk.out folder): the CDK's cloud-assembly schema, `manifest.json`. Artifacts
of type aws:cloudformation:stack have a template; those of type cdk:cloud-assembly (a cdk.Stage) are folders with a
manifest of their own.
"""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from review.errors import ComparisonError, SynthesisError, UsageError

# Hooks of the repository must not run during the checkout.
_GIT: Final = ("git", "-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false")


@dataclasses.dataclass(frozen=True)
class BaseCommit:
    """The commit that a branch is compared with.

    Attributes:
        commit: Full commit id.
        name: Name given by the user.
        is_ancestor: Whether it is an ancestor of the branch; if not, the two have no common history.
    """

    commit: str
    name: str
    is_ancestor: bool = True

    @property
    def label(self) -> str:
        """Return the name and the short id, or only the id if the name is one."""
        return self.commit[:12] if self.commit.startswith(self.name) else f"{self.name} ({self.commit[:12]})"


def find_base_commit(head: Path, base: str, merged: str = "") -> BaseCommit:
    """Return the commit where `head` left `base`, a branch (also one that exists only at `origin`), tag or commit.

    Args:
        head: Working tree of the branch.
        base: Name or id of the base.
        merged: Head commit of a pull request. Where HEAD is the merge that GitHub makes of it, the base is the merge's
            first parent: `base` may be older, and what others merged since would be taken for changes of the branch.

    Raises:
        UsageError: `head` is not in a git working tree, `base` is not a commit of its repository, or the history that
            the two have in common is not there.
    """
    _require_working_tree(head)
    second = _git_output(head, "rev-parse", "--verify", "--quiet", "HEAD^2")
    if second and merged and second == _git_output(head, "rev-parse", "--verify", "--quiet", f"{merged}^{{commit}}"):
        first = _git_output(head, "rev-parse", "HEAD^1")
        return BaseCommit(first, first)
    names = (base, f"origin/{base}")
    commits = [
        _git_output(head, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        for name in names
    ]
    commit = next(filter(None, commits), "")
    if not commit:
        raise UsageError(
            f"--base {base!r}: no such branch, tag or commit, neither here nor at origin. "
            "Fetch it (git fetch origin; in a job, check out with fetch-depth 0), or choose another base."
        )
    ancestor = _git_output(head, "merge-base", commit, "HEAD")
    if not ancestor and _git_output(head, "rev-parse", "--is-shallow-repository") == "true":
        raise UsageError(
            f"--base {base!r}: this clone is shallow, and the commit where the branch left its base is not in it. "
            "Fetch the history: git fetch --unshallow origin; in a job, check out with fetch-depth 0."
        )
    return BaseCommit(ancestor or commit, base, is_ancestor=bool(ancestor))


@contextmanager
def base_worktree(head: Path, commit: str, folder: Path) -> Iterator[Path]:
    """Check `commit` out into `folder`, yield the directory in it that corresponds to `head`, and remove it afterwards.

    Raises:
        UsageError: git cannot create the worktree.
    """
    created = _git(head, "worktree", "add", "--detach", "--quiet", str(folder), commit)
    try:
        if created.returncode:
            cause = git_message(created.stderr)
            raise UsageError(f"worktree of {commit[:12]}: {cause}. Run `git worktree prune` and rerun.")
        yield folder / _git_output(head, "rev-parse", "--show-prefix")
    finally:
        _git(head, "worktree", "remove", "--force", "--force", str(folder))
        shutil.rmtree(folder, ignore_errors=True)
        _git(head, "worktree", "prune")


def changed_files(head: Path, commit: str, patterns: Sequence[str]) -> list[str]:
    """Return the files below `head` that differ from `commit`, also uncommitted and new ones, and match a pattern.

    Args:
        head: Working tree of the branch.
        commit: The base.
        patterns: Paths from `head`, as git's pathspecs.
    """
    options = ("--name-only", "--relative", "-z", "--no-renames")
    known = _git_output(head, "diff", *options, commit, "--", *patterns)
    new = _git_output(head, "ls-files", "--others", "--exclude-standard", "-z", "--", *patterns)
    return sorted({name for name in (known + "\0" + new).split("\0") if name})


def _require_working_tree(head: Path) -> None:
    found = _git(head, "rev-parse", "--is-inside-work-tree") if head.is_dir() else None
    if found is None or found.stdout.strip() != "true":
        said = git_message(found.stderr) if found else ""
        because = f" (git: {said})" if said else ""
        raise UsageError(f"--head {str(head)!r}: not a git working tree{because}. Name the folder of a checkout.")


def git_message(errors: str) -> str:
    """Return the cause and the last line of what git wrote to its standard error; the last line may be a remedy."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    causes = [line for line in lines if line.startswith(("fatal:", "error:"))][:1]
    return " ... ".join(dict.fromkeys([*causes, *lines[-1:]])).rstrip(".")


def _git_output(place: Path, *words: str) -> str:
    result = _git(place, *words)
    return "" if result.returncode else result.stdout.strip()


def _git(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    # A git hook that runs this command sets GIT_DIR and GIT_INDEX_FILE, which refer to another tree.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return subprocess.run(
        [*_GIT, *words], cwd=place, env=environment | {"LC_ALL": "C"}, capture_output=True, text=True, check=False
    )


_STACK_ARTIFACT: Final = "aws:cloudformation:stack"
_ASSEMBLY_ARTIFACT: Final = "cdk:cloud-assembly"
_NESTED_SUFFIX: Final = ".nested.template.json"


@dataclasses.dataclass(frozen=True)
class Stack:
    """A stack of a cloud assembly.

    Attributes:
        name: Construct path, for example ``Production/Endpoint``, by which the two versions are matched.
        template: Path of its template.
        physical_name: Its name in CloudFormation; empty for a nested stack.
        environment: For example ``aws://111111111111/eu-west-1``.
        protected: Whether termination protection is on.
    """

    name: str
    template: Path
    physical_name: str = ""
    environment: str = ""
    protected: bool = False

    @property
    def is_nested(self) -> bool:
        """Return whether it is a part of another stack, with which it is deleted."""
        return self.template.name.endswith(_NESTED_SUFFIX)


def read_stacks(folder: Path) -> dict[str, Stack]:
    """Return the stacks of the assembly in `folder` by name, including nested assemblies and nested stacks.

    Raises:
        ComparisonError: The folder is not a cloud assembly.
    """
    found: dict[str, Stack] = {}
    for name, artifact in _read_manifest(folder).get("artifacts", {}).items():
        properties = artifact.get("properties", {})
        if artifact.get("type") == _STACK_ARTIFACT:
            path = artifact.get("displayName") or name
            found[path] = Stack(
                path,
                folder / properties["templateFile"],
                properties.get("stackName", name),
                artifact.get("environment", ""),
                bool(properties.get("terminationProtection")),
            )
        elif artifact.get("type") == _ASSEMBLY_ARTIFACT:
            found |= read_stacks(folder / properties["directoryName"])
    for path in folder.glob(f"*{_NESTED_SUFFIX}"):
        name = path.name.removesuffix(_NESTED_SUFFIX)
        found[name] = Stack(name, path)
    return dict(sorted(found.items()))


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    except (OSError, ValueError) as error:
        raise ComparisonError(
            f"{folder.name}: not a cloud assembly ({type(error).__name__}). Let app.py end with app.synth()."
        ) from error
    return manifest


APP: Final = "app.py"
_LOG_LINES: Final = 15  # shown of a failed synthesis
_LOG_WIDTH: Final = 300
# Prefixes of variables that differ between machines: credentials, regions, modules of another checkout.
_PREFIXES: Final = ("AWS_", "CDK_", "GIT_", "PYTHONPATH")
_VARIABLES: Final = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "PYTHONHASHSEED": "0",
    # Templates are compared here and validated by `make synth`: it takes several seconds of each side.
    "CDK_VALIDATION": "false",
}
# As the CDK's command line does; resources are named by the construct path in their metadata.
_CONTEXT: Final = {"aws:cdk:enable-path-metadata": True}


@dataclasses.dataclass(frozen=True)
class AppVersion:
    """One version of the app.

    Attributes:
        name: Its name in messages: ``base`` or ``head``.
        place: Folder of app.py.
        output: Folder for the cloud assembly.
    """

    name: str
    place: Path
    output: Path

    @property
    def has_app(self) -> bool:
        """Return whether there is an app to synthesize."""
        return (self.place / APP).is_file()


def synthesize_versions(sides: Sequence[AppVersion], context: Mapping[str, str]) -> None:
    """Write the cloud assembly of each version.

    Args:
        sides: Versions that have an app.
        context: Context of the command line, for all versions; it takes precedence over their cdk.json.

    Raises:
        SynthesisError: An app failed; the message has its version and its last lines.
    """
    with ExitStack() as stack:
        processes = [stack.enter_context(_running_app(side, context)) for side in sides]
        codes = [process.wait() for process in processes]
    failed = [_failure_message(side, code) for side, code in zip(sides, codes, strict=True) if code]
    if failed:
        raise SynthesisError("\n\n".join(failed))


def run_in_versions(sides: Sequence[AppVersion], words: Sequence[str]) -> list[str]:
    """Run Python with `words` in the folder of each version, in parallel, and return what each printed."""
    processes = [
        subprocess.Popen(
            [sys.executable, *words],
            cwd=side.place,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for side in sides
    ]
    try:
        return [process.communicate()[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(_PREFIXES)} | _VARIABLES


@contextmanager
def _running_app(side: AppVersion, context: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Start the app of one version; kill it on the way out, for example if another one was interrupted."""
    side.output.mkdir()
    passed = {"CDK_OUTDIR": str(side.output), "CDK_CONTEXT_JSON": json.dumps(_merged_context(side, context))}
    with _log_path(side).open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, APP],
            cwd=side.place,
            env=_environment() | passed,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def _merged_context(side: AppVersion, given: Mapping[str, str]) -> dict[str, Any]:
    """Return the context as the CDK's command line merges it: looked-up values have the lowest precedence."""
    return {
        **_read_json(side, "cdk.context.json"),
        **_read_json(side, "cdk.json").get("context", {}),
        **_CONTEXT,
        **given,
    }


def _read_json(side: AppVersion, name: str) -> dict[str, Any]:
    try:
        document = json.loads((side.place / name).read_text())
    except FileNotFoundError:
        return {}
    except (ValueError, OSError) as error:
        raise SynthesisError(f"{side.name}: {name}: {error}. Correct it there.") from error
    if not isinstance(document, dict):
        raise SynthesisError(f"{side.name}: {name}: not a JSON object. Correct it there.")
    return document


def _log_path(side: AppVersion) -> Path:
    return side.output.with_suffix(".log")


def _failure_message(side: AppVersion, code: int) -> str:
    text = _log_path(side).read_text(errors="replace")
    # Paths of this machine mean nothing to the reader of a comment.
    for place, name in ((side.place, ""), (side.output.parent, ""), (Path(sys.prefix), "python/"), (Path.home(), "~/")):
        text = text.replace(f"{place}/", name)
    lines = "\n".join(f"    {line[:_LOG_WIDTH]}" for line in text.rstrip().splitlines()[-_LOG_LINES:])
    ended = f"{side.name}: `python {APP}` ended with {code}; its last lines:"
    return f"{ended}\n\n{lines}\n\nFix the synthesis and rerun."
