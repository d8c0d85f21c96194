# SPDX-License-Identifier: MIT-0
"""The predictor shows the model the pixels of Preprocess, and refuses a model that is not what its manifest says."""

import os
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from pipeline_src import contract
from pipeline_src.algorithms.serving.image_predictor import ImagePredictor
from pipeline_src.dataset import image_codec
from pipeline_src.runtime.errors import BadInputError
from tests.jobs.algorithms.sample_pictures import Pixels, colored, jpeg, png, turned
from tests.jobs.algorithms.tiny_model import MANIFEST, SIDE, onnx_bytes, with_class_maps

REPOSITORY = Path(__file__).parent.parent.parent.parent


@pytest.fixture(scope="module")
def predictor() -> ImagePredictor:
    return ImagePredictor(onnx_bytes(), MANIFEST)


@pytest.mark.parametrize("encode", [jpeg, png])
@pytest.mark.parametrize(("height", "width"), [(SIDE, SIDE), (450, 600), (9, 5), (100, 400)])
def test_the_model_sees_the_pixels_of_preprocess(
    predictor: ImagePredictor, encode: Callable[[Pixels], bytes], height: int, width: int
) -> None:
    data = encode(colored(1, height, width))
    pixels = image_codec.decode_square(data, "picture", SIDE)
    (expected,) = ReferenceEvaluator(onnx_bytes()).run(None, {"pixels": pixels[None]})
    assert predictor.predict(data) == pytest.approx(expected[0], rel=1e-3)


def test_probabilities_stand_in_the_order_of_the_labels_and_add_up_to_one(predictor: ImagePredictor) -> None:
    found = predictor.predict(png(colored(2)))
    assert len(found) == len(contract.CLASS_LABELS)
    assert all(0 <= each <= 1 for each in found)
    assert sum(found) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("encode", [jpeg, png])
def test_an_orientation_tag_changes_nothing_in_either_format(
    predictor: ImagePredictor, encode: Callable[[Pixels], bytes]
) -> None:
    """The columns of the picture differ, so a turned one would have another mean color only by chance."""
    pixels = colored(3)
    pixels[:, :30] = 0
    data = encode(pixels)
    assert turned(data) != data
    for side in (SIDE, 28):
        assert (image_codec.decode_square(turned(data), "a", side) == image_codec.decode_square(data, "b", side)).all()
    assert predictor.predict(turned(data)) == predictor.predict(data)


def test_many_threads_get_the_answers_of_one(predictor: ImagePredictor) -> None:
    pictures = [jpeg(colored(number)) for number in range(20)]
    alone = [predictor.predict(data) for data in pictures]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(predictor.predict, pictures * 5)) == alone * 5


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"GIF89a", "neither JPEG nor PNG but a GIF"),
        (b"no image", "neither JPEG nor PNG but an unknown format"),
        (b"\xff\xd8\xff", "truncated before its first pixel"),
        (jpeg(colored(1, 300, 300))[:-900], "truncated"),
        (png(colored(1))[:60], "truncated"),
        (b"\x89PNG\r\n\x1a\n" * 9, "truncated before its first pixel"),
    ],
)
def test_what_preprocess_would_refuse_is_refused_with_its_reason(
    predictor: ImagePredictor, data: bytes, cause: str
) -> None:
    with pytest.raises(BadInputError, match=f"^the image: {cause}") as caught:
        predictor.predict(data)
    assert str(caught.value).endswith("Replace the image by the original.")


def test_a_decode_bomb_is_refused_by_its_header(predictor: ImagePredictor) -> None:
    data = bytearray(png(colored(1)))
    data[16:24] = struct.pack(">II", 60000, 60000)
    with pytest.raises(BadInputError, match="60000x60000 pixels"):
        predictor.predict(bytes(data))


@pytest.mark.parametrize("encode", [jpeg, png])
def test_no_damaged_byte_of_a_header_is_a_defect(predictor: ImagePredictor, encode: Callable[[Pixels], bytes]) -> None:
    """Each byte in turn takes four other values; the image is scored or refused."""
    data = encode(colored(1, 20, 20))
    refused = 0
    for position, byte in enumerate(data[:640]):
        for value in {0, 0x7F, 0xFF, byte ^ 1} - {byte}:
            changed = bytearray(data)
            changed[position] = value
            try:
                predictor.predict(bytes(changed))
            except BadInputError:
                refused += 1
    assert refused > 100


@pytest.mark.parametrize(
    ("model", "cause"),
    [
        (b"", "ONNX Runtime cannot load it"),
        (onnx_bytes()[:200], "ONNX Runtime cannot load it"),
        (onnx_bytes(64), r"input and output are pixels tensor\(uint8\) \['images', 64, 64, 3\]"),
        (onnx_bytes(classes=6), r"input and output are .*, probabilities tensor\(float\) \['images', 6\]: must be"),
        (onnx_bytes(pixels=("image", TensorProto.UINT8)), r"input and output are image tensor\(uint8\)"),
        (onnx_bytes(pixels=("pixels", TensorProto.FLOAT)), r"input and output are pixels tensor\(float\)"),
        (with_class_maps().replace(b"class_maps", b"other_maps"), r"input and output are .*, other_maps tensor"),
        (
            with_class_maps("floats"),
            r"input and output are .*, class_maps tensor\(float\) \['images', 3, 32, 32\]: must",
        ),
        (onnx_bytes(last="Identity"), "it cannot be computed .the probabilities add up to 0.0, not 1"),
    ],
)
def test_a_model_that_is_not_what_its_manifest_says_is_refused(model: bytes, cause: str) -> None:
    with pytest.raises(BadInputError, match=f"^model.onnx: {cause}.*Train the model again.$"):
        ImagePredictor(model, MANIFEST)


def test_a_model_with_class_maps_answers_the_same_bytes_and_explains_them(predictor: ImagePredictor) -> None:
    """The model has one place a pixel and no bias: the mean of a map is the logit."""
    explaining, data = ImagePredictor(with_class_maps(), MANIFEST), png(colored(1, SIDE, SIDE))
    assert (predictor.has_class_maps, explaining.has_class_maps) == (False, True)
    probabilities, maps = explaining.explain(data)
    assert probabilities == explaining.predict(data) == predictor.predict(data)
    assert maps.shape == (7, SIDE, SIDE)
    logits = maps.mean(axis=(1, 2), dtype=np.float64)
    np.testing.assert_allclose(np.exp(logits) / np.exp(logits).sum(), probabilities, rtol=1e-4)


def test_a_model_that_leaves_its_side_open_takes_that_of_the_manifest(predictor: ImagePredictor) -> None:
    data = png(colored(1))
    assert ImagePredictor(onnx_bytes("side"), MANIFEST).predict(data) == predictor.predict(data)


def test_a_model_that_leaves_its_classes_open_is_refused_if_it_answers_with_another_number_of_them() -> None:
    """How many columns Compress keeps is known only when it runs."""
    model = onnx.load_from_string(onnx_bytes())
    model.graph.initializer.append(numpy_helper.from_array(np.arange(7) < 6, "kept"))
    model.graph.node.insert(3, helper.make_node("Compress", ["logits", "kept"], ["fewer"], axis=1))
    model.graph.node[4].input[0] = "fewer"
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_param = "classes"
    with pytest.raises(BadInputError, match=r"^model.onnx: it cannot be computed .6 probabilities, not 7"):
        ImagePredictor(model.SerializeToString(), MANIFEST)


def test_an_answer_that_is_no_probability_is_a_defect_and_is_not_returned() -> None:
    overflowing = ImagePredictor(onnx_bytes(scale=1e38), MANIFEST)
    assert overflowing.predict(png(np.zeros((8, 8, 3), np.uint8))) == pytest.approx([1 / 7] * 7)
    with pytest.raises(ArithmeticError, match="add up to nan"):
        overflowing.predict(png(colored(1)))


def test_onnx_runtime_neither_sends_events_nor_keeps_an_identifier_of_the_machine(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path;"
        "from pipeline_src.algorithms.serving.image_predictor import ImagePredictor;"
        "from tests.jobs.algorithms.tiny_model import MANIFEST;"
        "ImagePredictor(Path(sys.argv[1]).read_bytes(), MANIFEST)"
    )
    (tmp_path / "model.onnx").write_bytes(onnx_bytes())
    home = tmp_path / "home"
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}
    command = [sys.executable, "-c", program, tmp_path / "model.onnx"]
    done = subprocess.run(
        command, env={**environment, "HOME": str(home)}, cwd=REPOSITORY, check=True, capture_output=True
    )
    assert list(home.rglob("*")) == []
    assert done.stderr == b""


def test_only_modules_below_the_package_that_switches_its_telemetry_off_import_onnx_runtime() -> None:
    importing = {
        path.relative_to(REPOSITORY).as_posix()
        for room in ("pipeline_src", "local", "operations", "stacks", "review")
        for path in (REPOSITORY / room).rglob("*.py")
        if re.search(r"^\s*(import|from) onnxruntime", path.read_text(), re.MULTILINE)
    }
    assert "pipeline_src/algorithms/serving/image_predictor.py" in importing
    assert [path for path in importing if not path.startswith("pipeline_src/algorithms/")] == []
