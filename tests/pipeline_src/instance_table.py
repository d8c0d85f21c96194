# SPDX-License-Identifier: MIT-0
"""The table of instance types, made from the locked packages.

``PYTHONPATH=. .venv/app/bin/python tests/pipeline_src/instance_table.py`` writes
pipeline_src/definition/instance_types.json.

- Which types SageMaker takes for which use: the enumerations of its API, in botocore.
- What the types are: EC2's DescribeInstanceTypes, of which moto carries a copy. Types that it does not describe are
  left out: EC2 offers them no more (p2, p3, dl1), or not by itself (p6e-gb200).
"""

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any, Final

import botocore.session
import moto

from pipeline_src.definition.instance_types import INSTANCE_TABLE

SHAPES: Final = {
    "processing": "ProcessingInstanceType",
    "training": "TrainingInstanceType",
    "transform": "TransformInstanceType",
    "endpoint": "ProductionVariantInstanceType",
}


@cache
def sagemaker_types() -> dict[str, list[str]]:
    """The types that SageMaker takes, by kind of use."""
    model = botocore.session.Session().get_service_model("sagemaker")
    return {kind: list(model.shape_for(shape).enum) for kind, shape in SHAPES.items()}


@cache
def ec2_types() -> dict[str, dict[str, Any]]:
    """What EC2 says of its types."""
    path = Path(moto.__file__).parent / "ec2/resources/instance_types.json.gz"
    found: dict[str, dict[str, Any]] = json.loads(gzip.decompress(path.read_bytes()))
    return found


def table() -> str:
    """The text of the table, a family a line."""
    described, families = ec2_types(), {}
    for kind, names in sagemaker_types().items():
        for name in names:
            _, family, size = name.split(".")
            if described.get(f"{family}.{size}"):
                facts = _facts(described[f"{family}.{size}"])
                known = families.setdefault(family, facts | {"sizes": {}})
                assert facts.items() <= known.items(), f"{name} is not as the rest of its family"
                known["sizes"].setdefault(kind, []).append(size)
    lines = [f"  {json.dumps(family)}: {json.dumps(families[family])}" for family in sorted(families)]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _facts(described: dict[str, Any]) -> dict[str, Any]:
    architectures = described["ProcessorInfo"]["SupportedArchitectures"]
    devices = [
        *(f"{each['Manufacturer']} {each['Name']}" for each in described.get("GpuInfo", {}).get("Gpus", [])),
        *(f"AWS {each['Name']}" for each in described.get("NeuronInfo", {}).get("NeuronDevices", [])),
    ]
    return {
        "architecture": "x86_64" if "x86_64" in architectures else architectures[0],
        "local_storage": "InstanceStorageInfo" in described,
        "accelerator": devices[0] if devices else "",
    }


if __name__ == "__main__":
    INSTANCE_TABLE.write_text(table(), encoding="utf-8")
