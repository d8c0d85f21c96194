# SPDX-License-Identifier: MIT-0
"""Channels of small pictures, and a small backbone that takes no time."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pipeline_src import contract
from pipeline_src.algorithms.linear_probe import backbone_network, training_job
from pipeline_src.dataset import image_codec, recordio_format
from pipeline_src.runtime import job_exit

SIDE = 16
CLASSES = len(contract.CLASS_LABELS)


def small_backbone(name: str = "", *, scale: float = 0.01) -> onnx.ModelProto:
    """Return a backbone whose features are random combinations of a picture's four quarters."""
    del name
    projection = np.random.default_rng(7).normal(size=(12, backbone_network.FEATURES)).astype(np.float32)
    projection *= np.float32(scale)
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["floats"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("AveragePool", ["planes"], ["quarters"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Flatten", ["quarters"], ["flat"]),
        helper.make_node("MatMul", ["flat", "projection"], ["features"]),
    ]
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", "side", "side", 3])
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", backbone_network.FEATURES])
    return helper.make_model(
        helper.make_graph(nodes, "small", [pixels], [features], [numpy_helper.from_array(projection, "projection")]),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )


def picture(number: int, label: int = 0, side: int = SIDE) -> bytes:
    """Return a JPEG whose colors tell its class, nearly; `number` makes it differ from others."""
    generator = np.random.default_rng(number)
    color = np.random.default_rng(1000 + label).integers(30, 220, 3)
    quarters = color + generator.normal(0, 20, (2, 2, 3))
    pixels = quarters.repeat(side // 2, axis=0).repeat(side // 2, axis=1)
    return image_codec.encode_jpeg(np.ascontiguousarray(np.clip(pixels, 0, 255).astype(np.uint8)))


def record(number: int, label: int, lesion: str, image: bytes | None = None) -> bytes:
    """Return the record of a picture."""
    data = picture(number, label) if image is None else image
    return recordio_format.encode_image_record(label, number, data, recordio_format.lesion_number(lesion))


def records(per_class: int, *, first: int = 0, images_per_lesion: int = 2) -> list[bytes]:
    """Return records of `per_class` pictures of each class."""
    return [
        record(first + n, n % CLASSES, f"{first} {n % CLASSES} {n // CLASSES // images_per_lesion}")
        for n in range(per_class * CLASSES)
    ]


@dataclass
class ProbeRoom:
    """The /opt/ml of one training job, named by the environment variable ML_ROOT."""

    root: Path

    def put(self, channel: str, content: Iterable[bytes]) -> Path:
        """Write a channel's file; return its path."""
        path = self.root / "input/data" / channel / f"{channel}.rec"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(content))
        return path

    def configure(self, samples: int, hyperparameters: Mapping[str, str] | None = None, hosts: int = 1) -> None:
        """Write hyperparameters.json and resourceconfig.json."""
        values = {"num_classes": str(CLASSES), "num_training_samples": str(samples), "image_shape": f"3,{SIDE},{SIDE}"}
        names = [f"algo-{n + 1}" for n in range(hosts)]
        self._write("hyperparameters.json", values | dict(hyperparameters or {}))
        self._write("resourceconfig.json", {"current_host": names[0], "hosts": names})

    def _write(self, name: str, content: Mapping[str, object]) -> None:
        path = self.root / "input/config" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")

    def prepare(self, per_class: int = 6, **hyperparameters: str) -> None:
        """Write good channels and hyperparameters."""
        train = records(per_class)
        self.put("train", train)
        self.put("validation", records(2, first=10_000))
        self.configure(len(train), hyperparameters)

    def run(self, workers: int = 2, scale: float = 0.01) -> int:
        """Run the job on the small backbone; return its exit code."""
        return job_exit.run_job(
            lambda: training_job.run_training(lambda name: small_backbone(name, scale=scale), workers)
        )

    def reason(self) -> str:
        """Return the reason of the failure."""
        return (self.root / "output/failure").read_text(encoding="utf-8")

    def files(self, *folders: str) -> dict[str, bytes]:
        """Return the content of each file below `folders`."""
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for folder in folders
            for path in sorted((self.root / folder).rglob("*"))
            if path.is_file()
        }
