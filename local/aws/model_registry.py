# SPDX-License-Identifier: MIT-0
"""The model registry as files ``<root>/<group>/<version>.json`` in the shape of DescribeModelPackage."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from local import json_files
from local.aws.pipeline_executions import utc_timestamp
from local.errors import UsageError
from local.json_files import JsonObject

APPROVED: Final = "Approved"
REJECTED: Final = "Rejected"
PENDING: Final = "PendingManualApproval"
_TRANSITIONS: Final = {PENDING: {APPROVED, REJECTED}, APPROVED: {REJECTED}, REJECTED: {APPROVED}}


@dataclass(frozen=True)
class ModelRegistry:
    """All model package groups, as folders below `root`."""

    root: Path

    def create(self, arguments: JsonObject, arn_prefix: str) -> JsonObject:
        """Add a model package version and return its description.

        Args:
            arguments: Arguments of CreateModelPackage.
            arn_prefix: ``arn:aws:sagemaker:<region>:<account>``.
        """
        group = arguments["ModelPackageGroupName"]
        folder = self.root / group
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            version = max((int(path.stem) for path in folder.glob("[0-9]*.json")), default=0) + 1
            package = {key: value for key, value in arguments.items() if key != "Tags"} | {
                "ModelPackageVersion": version,
                "ModelPackageArn": f"{arn_prefix}:model-package/{group}/{version}",
                "ModelPackageStatus": "Completed",
                "ModelApprovalStatus": arguments.get("ModelApprovalStatus", PENDING),
                "CreationTime": utc_timestamp(),
            }
            if _write_new(folder / f"{version}.json", package):
                return package

    def describe(self, arn: str) -> JsonObject:
        """Return the package of that ARN.

        Raises:
            UsageError: It does not exist.
        """
        path = self._path(arn)
        if not path.is_file():
            raise UsageError(f"model package {arn}: not found in {self.root}. Run the pipeline again to register one.")
        package: JsonObject = json_files.read_json(path)
        return package

    def decide(self, arn: str, status: str, description: str) -> JsonObject:
        """Set a package's approval status and return its description.

        Raises:
            UsageError: The package cannot change to that status.
        """
        package = self.describe(arn)
        before = package["ModelApprovalStatus"]
        if before == status:
            return package
        if status not in _TRANSITIONS.get(before, set()):
            undo = {APPROVED: "reject", REJECTED: "approve"}.get(before, "approve")
            raise UsageError(f"model package {arn}: it is {before} already. Use `{undo}` to change it.")
        package |= {
            "ModelApprovalStatus": status,
            "ApprovalDescription": description,
            "LastModifiedTime": utc_timestamp(),
        }
        json_files.write_json(self._path(arn), package)
        return package

    def _path(self, arn: str) -> Path:
        _, group, version = arn.rsplit("/", 2)
        return self.root / group / f"{version}.json"


def _write_new(path: Path, package: JsonObject) -> bool:
    """Write `path` atomically and return True, or False if it exists because another run took this version."""
    with tempfile.TemporaryDirectory(prefix=json_files.TEMPORARY_PREFIX, dir=path.parent) as folder:
        temporary = Path(folder) / path.name
        json_files.write_json(temporary, package)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
    return True
