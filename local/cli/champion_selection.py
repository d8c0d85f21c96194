# SPDX-License-Identifier: MIT-0
"""Selects the champion: the approved model with which a run compares its own; and the model that a warm start takes.

On AWS the champion is a parameter of the execution. ``auto`` selects the model package that was
approved last among runs of the same profile, because another profile's gate has other thresholds. Both models must be
measured on the same test images; the Evaluate job checks that and rejects what it cannot compare.

A warm start takes the weights of the champion, or of the model of a run.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from local.aws import pipeline_executions
from local.aws.model_registry import APPROVED, ModelRegistry
from local.aws.pipeline_executions import ExecutionRecord
from local.aws.s3_store import LocalHome, S3Store
from local.errors import LocalError, StepError, UsageError
from local.json_files import Json, JsonObject
from pipeline_src import contract
from pipeline_src.algorithms.algorithm_specification import AlgorithmSpecification

AUTO_CHAMPION: Final = "auto"
NO_CHAMPION: Final = "none"
CHAMPION_PARAMETERS: Final = (contract.CHAMPION_PREDICTIONS_PARAMETER, contract.CHAMPION_PACKAGE_PARAMETER)

STARTING_PARAMETERS: Final = (
    contract.STARTING_MODEL_PARAMETER,
    contract.STARTING_MANIFEST_PARAMETER,
    contract.STARTING_PACKAGE_PARAMETER,
)


@dataclass(frozen=True)
class Champion:
    """A model package, and the URI of its run's predictions, which is empty where nothing is compared."""

    package: str
    predictions: str


# The comparison was switched off; the report must not mistake that for a first model.
_NO_COMPARISON: Final = Champion(contract.NO_COMPARISON, "")


def select_champion(
    wanted: str, profile: str, typed: Mapping[str, str], declared: set[str], home: LocalHome
) -> Champion | None:
    """Return the champion of a run, or None where there is none or where typed parameters name it.

    Args:
        wanted: `AUTO_CHAMPION`, `NO_CHAMPION`, or a run as `find_execution` takes it.
        profile: Profile of the run.
        typed: Parameters that the user gave.
        declared: Names of the definition's parameters.
        home: Folder of runs, packages and predictions.

    Raises:
        UsageError: The champion does not exist or is given twice, or the definition takes none.
    """
    named = [name for name in CHAMPION_PARAMETERS if name in typed]
    if named and wanted != AUTO_CHAMPION:
        raise UsageError(f"--champion {wanted} and --parameter {named[0]}: both name the champion. Give one of them.")
    if named or wanted == NO_CHAMPION:
        return None if named else _NO_COMPARISON
    if contract.CHAMPION_PREDICTIONS_PARAMETER not in declared:
        if wanted == AUTO_CHAMPION:
            return None
        name = contract.CHAMPION_PREDICTIONS_PARAMETER
        raise UsageError(f"--champion {wanted}: this definition has no parameter {name!r}. Leave the option out.")
    if wanted == AUTO_CHAMPION:
        return _last_approved(profile, home)
    record = pipeline_executions.find_execution(home.runs, wanted)
    return _champion_of_package(record, _package_of_run(record, home, "--champion"), home)


def champion_parameter_values(champion: Champion | None, declared: set[str]) -> dict[str, Json]:
    """Return the values of the declared parameters that name `champion`."""
    if champion is None:
        return {}
    values = {
        contract.CHAMPION_PREDICTIONS_PARAMETER: champion.predictions,
        contract.CHAMPION_PACKAGE_PARAMETER: champion.package,
    }
    return {name: value for name, value in values.items() if name in declared and value}


def _last_approved(profile: str, home: LocalHome) -> Champion | None:
    approved = list(_approved_champions(profile, home))
    return max(approved, key=lambda found: found[0])[1] if approved else None


def _approved_champions(profile: str, home: LocalHome) -> Iterator[tuple[str, Champion]]:
    """Yield the time of approval and the champion for each approved package of a run of `profile`."""
    for record in pipeline_executions.load_executions(home.runs):
        if record.data["Local"].get("Profile") != profile or record.package_arn is None:
            continue
        try:
            package = _package_of_run(record, home, "--champion")
            champion = _champion_of_package(record, package, home)
        except LocalError:
            continue
        if package["ModelApprovalStatus"] == APPROVED:
            yield str(package.get("LastModifiedTime", package["CreationTime"])), champion


def _package_of_run(record: ExecutionRecord, home: LocalHome, option: str) -> JsonObject:
    if record.package_arn is None:
        run = record.execution_id
        raise UsageError(f"{option} {run}: the run registered no model ({record.status}). Use another run, or none.")
    return ModelRegistry(home.registry).describe(record.package_arn)


def _champion_of_package(record: ExecutionRecord, package: JsonObject, home: LocalHome) -> Champion:
    """Return the champion of `package`; its predictions are in the folder of its report.

    Raises:
        UsageError: The predictions do not exist, or the package names no report.
    """
    arn, run = str(package["ModelPackageArn"]), record.execution_id
    report = str(package.get("CustomerMetadataProperties", {}).get(contract.METADATA_REPORT, ""))
    uri = f"{report.rpartition('/')[0]}/{contract.PREDICTIONS_FILE}"
    try:
        found = S3Store(home.s3).size(uri)[0]
    except StepError:
        found = 0
    if not found:
        raise UsageError(f"--champion {run}: {uri}: its predictions do not exist. Use another run, or none.")
    return Champion(arn, uri)


def refuse_warm_start(algorithm: AlgorithmSpecification) -> None:
    """Refuse ``--warm-start`` for an algorithm that takes no earlier model.

    Raises:
        UsageError: It is one.
    """
    if algorithm.warm_start == "never":
        raise UsageError(f"--warm-start: {algorithm.name}: {algorithm.warm_start_refusal}. Leave the option out.")


def select_starting_model(
    wanted: str, profile: str, algorithm: AlgorithmSpecification, typed: Mapping[str, str], home: LocalHome
) -> tuple[dict[str, Json], str]:
    """Return the values of the parameters that name the model to start from, and what it is in words.

    Args:
        wanted: `AUTO_CHAMPION`, or a run as `find_execution` takes it.
        profile: Profile of the run.
        algorithm: What Train runs; a model of another one is no start.
        typed: Parameters that the user gave; where they name the model, none is selected.
        home: Folder of runs, packages and models.

    Raises:
        UsageError: The algorithm needs a model, or the run that is named has none that fits.
    """
    if typed.keys() & set(STARTING_PARAMETERS):
        return {}, "as --parameter says"
    if wanted != AUTO_CHAMPION:
        package = _package_of_run(pipeline_executions.find_execution(home.runs, wanted), home, "--warm-start")
        cause = _unfit_cause(package, algorithm)
    else:
        champion = _last_approved(profile, home)
        package = ModelRegistry(home.registry).describe(champion.package) if champion else {}
        cause = _unfit_cause(package, algorithm) if package else f"no model of profile {profile} is approved"
    if not cause:
        return _starting_values(package, home), str(package["ModelPackageArn"])
    if wanted == AUTO_CHAMPION and algorithm.warm_start == "optional":
        return {}, f"pretrained weights, because {cause}"
    raise UsageError(
        f"--warm-start {wanted}: {cause}. Leave the option out, or name a run whose registered model is of"
        f" {algorithm.name}."
    )


def _unfit_cause(package: JsonObject, algorithm: AlgorithmSpecification) -> str:
    """Return why a training with `algorithm` cannot start from the model of `package`; empty if it can."""
    trained = package.get("CustomerMetadataProperties", {}).get(contract.METADATA_ALGORITHM, "an unknown algorithm")
    return "" if trained == algorithm.name else f"{package['ModelPackageArn']} is of {trained}"


def _starting_values(package: JsonObject, home: LocalHome) -> dict[str, Json]:
    holdout = str(package["CustomerMetadataProperties"].get(contract.METADATA_HOLDOUT, ""))
    uris = {
        contract.STARTING_MODEL_PARAMETER: str(package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]),
        contract.STARTING_MANIFEST_PARAMETER: contract.manifest_of_holdout(holdout),
    }
    for uri in uris.values():
        if not S3Store(home.s3).size(uri)[0]:
            raise UsageError(
                f"--warm-start: {package['ModelPackageArn']}: {uri}: no such object. Start from the model of another"
                " run, or leave the option out."
            )
    return {**uris, contract.STARTING_PACKAGE_PARAMETER: package["ModelPackageArn"]}
