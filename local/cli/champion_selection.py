# SPDX-License-Identifier: MIT-0
"""The champion: the approved model with which a run compares its own. On AWS, whoever starts a pipeline names it.

``auto`` takes the model package that was approved last among runs of the same profile, because the gate of another
profile judged another thing. Both models must have been measured on the same test images; the Evaluate job sees to
that, and refuses what it cannot compare.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from local.aws import pipeline_executions
from local.aws.model_registry import APPROVED, ModelRegistry
from local.aws.pipeline_executions import ExecutionRecord
from local.aws.s3_store import LocalHome, S3Store
from local.console.run_summary import registered_package_arn
from local.errors import LocalError, StepError, UsageError
from local.json_files import Json, JsonObject
from pipeline_src import contract

AUTO_CHAMPION: Final = "auto"
NO_CHAMPION: Final = "none"
CHAMPION_PARAMETERS: Final = (contract.CHAMPION_PREDICTIONS_PARAMETER, contract.CHAMPION_PACKAGE_PARAMETER)


@dataclass(frozen=True)
class Champion:
    """A model package and the URI of the predictions that its run left, which is empty where nothing is compared."""

    package: str
    predictions: str


# Somebody switched the comparison off, which the report must not take for a first model.
_NO_COMPARISON: Final = Champion(contract.NO_COMPARISON, "")


def select_champion(
    wanted: str, profile: str, typed: Mapping[str, str], declared: set[str], home: LocalHome
) -> Champion | None:
    """Return the champion of a run, None where it has none or where the parameters typed say it.

    Args:
        wanted: `AUTO`, `NONE`, or what `history.load` finds a run by.
        profile: of the run.
        typed: parameters that the user gave.
        declared: names of the definition's parameters.
        home: where runs, packages and predictions lie.

    Raises:
        UsageError: a champion is asked for that there is not, or twice, or of a definition that takes none.
    """
    named = [name for name in CHAMPION_PARAMETERS if name in typed]
    if named and wanted != AUTO_CHAMPION:
        raise UsageError(f"--champion {wanted} and --parameter {named[0]}: both say the champion. Give one of them.")
    if named or wanted == NO_CHAMPION:
        return None if named else _NO_COMPARISON
    if contract.CHAMPION_PREDICTIONS_PARAMETER not in declared:
        if wanted == AUTO_CHAMPION:
            return None
        name = contract.CHAMPION_PREDICTIONS_PARAMETER
        raise UsageError(f"--champion {wanted}: this definition has no parameter {name!r}. Leave the option out.")
    return (
        _newest_champion(profile, home)
        if wanted == AUTO_CHAMPION
        else _champion_of_run(pipeline_executions.find_execution(home.runs, wanted), home)
    )


def champion_parameter_values(champion: Champion | None, declared: set[str]) -> dict[str, Json]:
    """Return the parameter values that name `champion`, those that the definition takes."""
    if champion is None:
        return {}
    told = {
        contract.CHAMPION_PREDICTIONS_PARAMETER: champion.predictions,
        contract.CHAMPION_PACKAGE_PARAMETER: champion.package,
    }
    return {name: value for name, value in told.items() if name in declared and value}


def _newest_champion(profile: str, home: LocalHome) -> Champion | None:
    """Return the champion that was approved last, None where none was."""
    approved = list(_approved_champions(profile, home))
    return max(approved, key=lambda found: found[0])[1] if approved else None


def _approved_champions(profile: str, home: LocalHome) -> Iterator[tuple[str, Champion]]:
    """Yield what was approved of runs of that profile, if it can still be compared with, and when."""
    for record in pipeline_executions.load_executions(home.runs):
        if record.data["Local"].get("Profile") != profile or registered_package_arn(record) is None:
            continue
        try:
            package = _package_of_run(record, home)
            champion = _champion_of_package(record, package, home)
        except LocalError:
            continue
        if package["ModelApprovalStatus"] == APPROVED:
            yield str(package.get("LastModifiedTime", package["CreationTime"])), champion


def _champion_of_run(record: ExecutionRecord, home: LocalHome) -> Champion:
    return _champion_of_package(record, _package_of_run(record, home), home)


def _package_of_run(record: ExecutionRecord, home: LocalHome) -> JsonObject:
    """Return the model package of the run.

    Raises:
        UsageError: It registered none, or the package is gone.
    """
    arn = registered_package_arn(record)
    if arn is None:
        run = record.execution_id
        raise UsageError(f"--champion {run}: that run registered no model ({record.status}). Name another, or none.")
    return ModelRegistry(home.registry).describe(arn)


def _champion_of_package(record: ExecutionRecord, package: JsonObject, home: LocalHome) -> Champion:
    """Return the champion that `package` is, with its predictions beside the report that it names.

    Raises:
        UsageError: The predictions are no longer there, or the package names no report.
    """
    arn, run = str(package["ModelPackageArn"]), record.execution_id
    report = str(package.get("CustomerMetadataProperties", {}).get(contract.METADATA_REPORT, ""))
    uri = f"{report.rpartition('/')[0]}/{contract.PREDICTIONS_FILE}"
    try:
        found = S3Store(home.s3).size(uri)[0]
    except StepError:
        found = 0
    if not found:
        raise UsageError(f"--champion {run}: {uri}: its predictions are not there. Name another run, or none.")
    return Champion(arn, uri)
