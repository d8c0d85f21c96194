# SPDX-License-Identifier: MIT-0
"""The model server: answers ``/ping`` and ``/invocations`` as a SageMaker endpoint forwards them.

Images are decoded as the Preprocess step decodes training records: a JPEG is decoded at the smallest eighth of its size
that is not below the square, and the whole frame is then stretched linearly to the square. The channels are red, green,
blue, as in MXNet's record reader. A PNG is decoded in full and reduced as Preprocess reduces it.

Sources: SageMaker Developer Guide, "Use Your Own Inference Code with Hosting Services" and "Input/Output Interface
for the Image Classification Algorithm"; API reference, InvokeEndpoint (6,291,456 bytes at most).
"""

import signal
import struct
import sys
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from types import FrameType
from typing import Any, Final

import cv2
import mxnet as mx
import numpy as np
import numpy.typing as npt
import simplejpeg
import waitress

from local.builtin_stand_in import model_files
from local.builtin_stand_in.errors import AddressError, ModelError
from local.builtin_stand_in.model_files import ModelArtifact
from pipeline_src import contract
from pipeline_src.algorithms.serving import inference_requests
from pipeline_src.algorithms.serving.inference_requests import RequestError, WsgiApplication, WsgiEnvironment

AREA_LIMIT: Final = 64_000_000  # pixels: more would be a decode bomb; the declared size is checked before decoding
_JPEG_SIGNATURE: Final = b"\xff\xd8"
_PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_PNG_SIZE: Final = struct.Struct(">II")  # width and height, at byte 16

cv2.setNumThreads(1)  # the server decodes several images at once already


def decode_image_tensor(data: bytes, image_shape: tuple[int, int, int]) -> npt.NDArray[np.float32]:
    """Return the image as the input of the network.

    Args:
        data: A JPEG or PNG file.
        image_shape: Channels, height and width to make of it.

    Returns:
        Pixels from 0 to 255 in red, green, blue order with the shape (1, 3, height, width).

    Raises:
        RequestError: It is empty, neither a JPEG nor a PNG, too large or cannot be decoded.
    """
    _, height, width = image_shape
    if not data:
        raise _bad_request("the body is empty. Send the bytes of a JPEG or PNG file.")
    if data.startswith(_JPEG_SIGNATURE):
        pixels = _decode_jpeg(data, height, width)
    elif data.startswith(_PNG_SIGNATURE):
        pixels = _decode_reduced_png(data, height, width)
    else:
        raise _bad_request("the body is neither a JPEG nor a PNG. Send the bytes of such a file.")
    square = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(square.transpose(2, 0, 1)[None], dtype=np.float32)


def _decode_jpeg(data: bytes, height: int, width: int) -> npt.NDArray[np.uint8]:
    try:
        rows, columns, _, _ = simplejpeg.decode_jpeg_header(data, strict=False)
        _check_area(rows, columns)
        try:
            return _decode_reduced_jpeg(data, height, width, strict=True)
        except ValueError as error:
            if "extraneous bytes" not in str(error) or not data.endswith(b"\xff\xd9"):
                raise
            return _decode_reduced_jpeg(data, height, width, strict=False)  # harmless, and common among old cameras
    except (ValueError, KeyError) as error:  # simplejpeg looks up a sampling that a damaged header does not have
        cause = str(error).strip() if isinstance(error, ValueError) else "its header is damaged"
        raise _bad_request(f"the JPEG cannot be decoded ({cause}). Send an undamaged one.") from error


def _decode_reduced_jpeg(data: bytes, height: int, width: int, *, strict: bool) -> npt.NDArray[np.uint8]:
    pixels: npt.NDArray[np.uint8] = simplejpeg.decode_jpeg(
        data, "RGB", min_height=height, min_width=width, strict=strict
    )
    return pixels


def _decode_reduced_png(data: bytes, height: int, width: int) -> Any:  # noqa: ANN401  OpenCV's own array type
    """Return the pixels at the smallest eighth of the size that is large enough, as Preprocess reduces a PNG."""
    if len(data) < 24:
        raise _bad_request("the PNG cannot be decoded (it ends within its header). Send an undamaged one.")
    width_in_file, height_in_file = _PNG_SIZE.unpack_from(data, 16)
    _check_area(height_in_file, width_in_file)
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise _bad_request("the PNG cannot be decoded. Send an undamaged one.")
    pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
    rows, columns = pixels.shape[:2]
    for eighths in range(1, 8):
        reduced_height, reduced_width = -(-rows * eighths // 8), -(-columns * eighths // 8)
        if reduced_height >= height and reduced_width >= width:
            return cv2.resize(pixels, (reduced_width, reduced_height), interpolation=cv2.INTER_AREA)
    return pixels


def _check_area(rows: int, columns: int) -> None:
    if not 0 < rows * columns <= AREA_LIMIT:
        raise _bad_request(
            f"the image declares {columns}x{rows} pixels; at most {AREA_LIMIT} are allowed. Send a smaller one."
        )


def _bad_request(message: str) -> RequestError:
    return RequestError(HTTPStatus.BAD_REQUEST, message)


class ImagePredictor:
    """Scores images, for any number of threads at once.

    MXNet's executor is not thread-safe, so that one thread owns it and the others wait for it. Images are never
    batched: an image's scores must not depend on those that arrive at the same time.

    Args:
        model: The model.

    Raises:
        ModelError: The weights do not fit the graph.
    """

    def __init__(self, model: ModelArtifact) -> None:
        self.image_shape = model.image_shape
        self._owner = ThreadPoolExecutor(1, thread_name_prefix="predictor")
        try:
            self._module = self._owner.submit(_bind_module, model).result()
            self.scores(np.zeros((1, *model.image_shape), np.float32))
        except (mx.MXNetError, RuntimeError, ValueError) as error:
            cause = str(error).strip().splitlines()[-1]
            raise ModelError(f"{model.name}: the weights do not fit the graph ({cause}). Train it again.") from error

    def scores(self, image: npt.NDArray[np.float32]) -> list[float]:
        """Return the probability of each class for one image of the shape (1, 3, height, width)."""
        return self._owner.submit(self._ask, image).result()

    def _ask(self, image: npt.NDArray[np.float32]) -> list[float]:
        self._module.forward(mx.io.DataBatch([mx.nd.array(image)]), is_train=False)
        return [float(score) for score in self._module.get_outputs()[0].asnumpy()[0]]


def _bind_module(model: ModelArtifact) -> Any:  # noqa: ANN401  mxnet is untyped
    module = mx.mod.Module(model.symbol, context=mx.cpu())
    module.bind([("data", (1, *model.image_shape))], [("softmax_label", (1,))], for_training=False)
    module.set_params(model.weights.arguments, model.weights.auxiliary)
    return module


CONTENT_TYPES: Final = (contract.IMAGE_CONTENT_TYPE, "image/jpeg")
_THREADS: Final = 8  # decode while the predictor's own thread computes


def serve_model(host: str, port: int) -> None:
    """Serve the model below ``/opt/ml/model`` until SIGTERM or SIGINT.

    Args:
        host: The address to listen on.
        port: The port; 0 takes a free one.

    Raises:
        ModelError: There is no model, or it is damaged.
        AddressError: The address cannot be listened on.
    """
    model = model_files.load_model_artifact(contract.ml_root() / "model")
    listening = _create_server(wsgi_application(ImagePredictor(model)), host, port)
    signal.signal(signal.SIGTERM, _exit_on_signal)
    print(f"Serving {model.name} on http://{host}:{listening.effective_port}; Ctrl-C stops it.", flush=True)
    listening.run()


def wsgi_application(predictor: ImagePredictor) -> WsgiApplication:
    """Return the WSGI application that answers with the scores of `predictor`."""

    def score(environment: WsgiEnvironment, length: int) -> list[float]:
        return predictor.scores(decode_image_tensor(environment["wsgi.input"].read(length), predictor.image_shape))

    return inference_requests.inference_application(score, CONTENT_TYPES)


def _create_server(app: WsgiApplication, host: str, port: int) -> Any:  # noqa: ANN401  waitress is untyped
    try:
        return waitress.create_server(
            app,
            host=host,
            port=port,
            threads=_THREADS,
            max_request_body_size=inference_requests.RECEIVED_LIMIT,
            ident=None,
        )
    except (OSError, ValueError, OverflowError) as error:
        cause = getattr(error, "strerror", None) or error
        raise AddressError(f"{host}:{port}: cannot listen there ({cause}). Choose another --port or --host.") from error


def _exit_on_signal(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(contract.EXIT_OK)
