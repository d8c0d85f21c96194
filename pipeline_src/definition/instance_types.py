# SPDX-License-Identifier: MIT-0
"""The instance types that SageMaker offers, and those that each job and endpoint of this pipeline can use.

instance_types.json is the table: for each family its architecture, local storage and accelerator, and the sizes that
SageMaker offers for each use. tests/pipeline_src/instance_table.py generates it from botocore's SageMaker model and
moto's copy of EC2's DescribeInstanceTypes; a test compares it with both. Settings are checked against the table, and
the model package names the types that `allowed_instance_types` returns. Standard library only.
"""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline_src.algorithms.algorithm_specification import AlgorithmSpecification


@dataclass(frozen=True, kw_only=True)
class InstanceFamily:
    """What the types of a family have in common.

    Attributes:
        architecture: `x86_64` or `arm64`.
        local_storage: Whether they have NVMe storage of their own, which encrypts itself.
        accelerator: Maker and name of their accelerators; empty: they have none.
        sizes: The sizes that SageMaker takes, by kind of use.
    """

    architecture: str
    local_storage: bool
    accelerator: str
    sizes: Mapping[str, Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class InstanceUse:
    """What instances are chosen for.

    Attributes:
        kind: `processing`, `training`, `transform` or `endpoint`.
        volume_key: Whether a key for their volume is given. For types with local storage the service refuses it (API
            Reference: VolumeKmsKeyId of ProcessingClusterConfig and of TransformResources), or it does not encrypt
            that storage (KmsKeyId of CreateEndpointConfig; earlier versions of the text say that the call fails).
        families: The only families; empty: all.
        why: Why only these.
    """

    kind: str
    volume_key: bool
    families: tuple[str, ...] = ()
    why: str = ""


INSTANCE_TABLE: Final = Path(__file__).with_name("instance_types.json")
FAMILIES: Final = {
    name: InstanceFamily(**each) for name, each in json.loads(INSTANCE_TABLE.read_text(encoding="utf-8")).items()
}
KINDS: Final = ("processing", "training", "transform", "endpoint")
# The types of each kind of use, family by family, the smallest first.
_NAMES: Final = {
    kind: [f"ml.{name}.{size}" for name, family in FAMILIES.items() for size in family.sizes.get(kind, ())]
    for kind in KINDS
}

_SERVED: Final = ("c5", "c6i", "c7i", "m5", "m6i", "m7i")
_PACKAGE: Final = (
    f"the model package names the families {', '.join(_SERVED)} alone (pipeline_src/definition/instance_types.py)"
)
PROCESSING: Final = InstanceUse(kind="processing", volume_key=True)
TRANSFORM: Final = InstanceUse(kind="transform", volume_key=True, families=_SERVED, why=_PACKAGE)
ENDPOINT: Final = InstanceUse(kind="endpoint", volume_key=True, families=_SERVED, why=_PACKAGE)


def training_use(algorithm: AlgorithmSpecification) -> InstanceUse:
    """Return what the instances of Train are chosen for."""
    return InstanceUse(
        kind="training",
        volume_key=algorithm.volume_key is True,
        families=algorithm.instance_families,
        why=algorithm.instance_reason,
    )


def training_volume_key(algorithm: AlgorithmSpecification, name: str) -> bool:
    """Return whether the volume of instances of the type `name` gets a key in a training with `algorithm`."""
    if algorithm.volume_key is None:
        return not FAMILIES[name.split(".")[1]].local_storage
    return algorithm.volume_key


def allowed_instance_types(use: InstanceUse) -> list[str]:
    """Return the instance types that `use` can have, family by family, the smallest first."""
    return [name for name in _NAMES[use.kind] if not _objection(use, name)]


def instance_type_refusal(use: InstanceUse, name: str) -> str:
    """Return why `use` cannot have the instance type `name`, with the nearest that it can; empty if it can."""
    objection = _objection(use, name)
    if not objection:
        return ""
    *near, last = difflib.get_close_matches(name, allowed_instance_types(use), n=3, cutoff=0.0)
    return f"{objection}; give one such as {', '.join(near)} or {last}"


def _objection(use: InstanceUse, name: str) -> str:
    """Return the first reason against `name`; empty if there is none."""
    kinds = [kind for kind in KINDS if name in _NAMES[kind]]
    if not kinds:
        return "SageMaker takes no such instance type, or EC2 offers it no more"
    if use.kind not in kinds:
        return f"SageMaker takes it for {', '.join(kinds)}, not for {use.kind}"
    return next(_mismatches(use, name.split(".")[1]), "")


def _mismatches(use: InstanceUse, name: str) -> Iterator[str]:
    """Yield the reasons against the family `name`."""
    family = FAMILIES[name]
    if family.architecture != "x86_64":
        yield f"its processors are {family.architecture}, and the image is built for x86_64"
    if family.accelerator and not family.accelerator.startswith("NVIDIA"):
        yield f"its accelerator is {family.accelerator}, which the image has no code for"
    if use.volume_key and family.local_storage:
        yield "it has local NVMe storage, where the service refuses or ignores the key that is given for the volume"
    if use.families and name not in use.families:
        yield use.why
