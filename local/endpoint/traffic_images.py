# SPDX-License-Identifier: MIT-0
"""The images that `traffic` sends, newly drawn or held out by a run, and the shifts applied to them.

A shift imitates a difference between the images that a model was tested on and those in production. It maps JPEG bytes
to JPEG bytes and is deterministic; `CLASS_MIX_SHIFT` instead changes which images are sent. The same seed gives the
same images.
"""

import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from local.aws.pipeline_executions import ExecutionRecord
from local.endpoint import run_selection
from local.endpoint.run_selection import HeldOutImage
from local.endpoint.traffic_client import LabelledImage
from local.errors import UsageError
from local.synthetic import demo_archive, lesion_drawing, synthetic_cohort

NO_SHIFT: Final = "none"
CLASS_MIX_SHIFT: Final = "mix"
_JPEG_QUALITY: Final = 98  # as the synthetic images; similar to a camera's
_CAST: Final = (1.12, 1.0, 0.82)  # factors of red, green, blue: warm light
_BLUR: Final = 3.0  # pixels: out of focus
_DARK: Final = 0.55  # factor of the brightness
_DEVICE_SIZE: Final = (1024, 768)  # pixels: as in other archives of ISIC
_DEVICE_QUALITY: Final = 75

ImageShift = Callable[[Image.Image, float], Image.Image]


def shift_image(image: bytes, shift: str, strength: float = 1.0) -> bytes:
    """Return a JPEG image after `shift`, with its EXIF data and comment.

    Args:
        image: JPEG bytes.
        shift: One of `SHIFT_DESCRIPTIONS`.
        strength: 0 for none, 1 for the full shift.
    """
    change = _CHANGES.get(shift)
    if change is None or strength == 0:
        return image
    with Image.open(io.BytesIO(image)) as opened:
        changed = change(opened.convert("RGB"), strength)
        kept = {name: opened.info[name] for name in ("exif", "comment") if name in opened.info}
    file = io.BytesIO()
    changed.save(file, "JPEG", quality=_DEVICE_QUALITY if shift == _DEVICE_SHIFT else _JPEG_QUALITY, **kept)
    return file.getvalue()


def _shift_colour(image: Image.Image, strength: float) -> Image.Image:
    return _scale_channels(image, tuple(1 + (factor - 1) * strength for factor in _CAST))


def _darken_image(image: Image.Image, strength: float) -> Image.Image:
    return _scale_channels(image, (1 + (_DARK - 1) * strength,) * 3)


def _scale_channels(image: Image.Image, factors: tuple[float, ...]) -> Image.Image:
    pixels = np.asarray(image, np.float32) * np.array(factors, np.float32)
    return Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))


def _blur_image(image: Image.Image, strength: float) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(_BLUR * strength))


def _imitate_device(image: Image.Image, strength: float) -> Image.Image:
    """Return the image with more pixels and a round black frame, whose width depends on `strength`."""
    width, height = _DEVICE_SIZE
    visible = Image.new("L", _DEVICE_SIZE)
    radius = (np.hypot(width, height) * (1 - strength) + 0.98 * height * strength) / 2
    box = (width / 2 - radius, height / 2 - radius, width / 2 + radius, height / 2 + radius)
    ImageDraw.Draw(visible).ellipse(box, fill=255)
    larger = image.resize(_DEVICE_SIZE, Image.Resampling.BICUBIC)
    return Image.composite(larger, Image.new("RGB", _DEVICE_SIZE), visible)


_DEVICE_SHIFT: Final = "other"
_CHANGES: Final[Mapping[str, ImageShift]] = {
    "colour": _shift_colour,
    "blur": _blur_image,
    "dark": _darken_image,
    _DEVICE_SHIFT: _imitate_device,
}
SHIFT_DESCRIPTIONS: Final = {
    NO_SHIFT: "images like those that the model was tested on",
    "colour": "a warm colour cast",
    "blur": "out of focus",
    "dark": "about half the brightness",
    CLASS_MIX_SHIFT: "all classes equally often",
    _DEVICE_SHIFT: "another device: more pixels, stronger compression, a round black frame",
}


_RANDOM_STREAM: Final = 5077  # of random numbers, different from those of the sample archive
_WORKERS: Final = 2
_IMAGES_AHEAD: Final = 16  # images prepared ahead: about 4 MB


@dataclass(frozen=True)
class TrafficPlan:
    """The images to send.

    Attributes:
        images: Number of images.
        shift: One of `SHIFT_DESCRIPTIONS`.
        seed: Seed of the random numbers, from 0.
        strength: Strength of the shift, 0 to 1.
        camera: Seed of the archive whose camera is imitated: grain and irregular patterns are those of its images.
    """

    images: int
    shift: str = NO_SHIFT
    seed: int = 1
    strength: float = 1.0
    camera: int = demo_archive.DEMO_SEED

    def name(self, image: str) -> str:
        """Return the inference id of an image."""
        return f"{self.shift}-{self.seed}-{image}"

    def odds(self, counts: Mapping[str, int]) -> dict[str, float]:
        """Return the probability of each class: by `counts`, or closer to equal with the shift of the class mix."""
        total, even = sum(counts.values()), self.strength if self.shift == CLASS_MIX_SHIFT else 0.0
        return {label: (1 - even) * count / total + even / len(counts) for label, count in counts.items()}


def draw_images(plan: TrafficPlan) -> Iterator[LabelledImage]:
    """Yield newly drawn images, no two of one lesion, in the class proportions of HAM10000."""
    odds = plan.odds(synthetic_cohort.REAL_IMAGES)
    labels = np.random.default_rng([plan.seed, _RANDOM_STREAM]).choice(list(odds), plan.images, p=list(odds.values()))
    renderer = lesion_drawing.LesionRenderer(plan.camera)

    def draw(number: int) -> LabelledImage:
        label = str(labels[number])
        rng = np.random.default_rng([plan.seed, _RANDOM_STREAM, number])
        image = renderer.picture(lesion_drawing.random_lesion(label, rng), rng)
        return LabelledImage(plan.name(f"{number:06d}"), label, shift_image(image, plan.shift, plan.strength))

    yield from _prepare_ahead(draw, range(plan.images))


def pick_held_out_images(plan: TrafficPlan, record: ExecutionRecord) -> Iterator[LabelledImage]:
    """Yield held-out images of the run, each at most once.

    Raises:
        UsageError: There are not enough, or none.
    """
    known = run_selection.read_held_out_images(record)
    if plan.images > len(known):
        raise UsageError(f"--images {plan.images}: the run held out {len(known)} images. Use {len(known)} or fewer.")
    chosen = _choose_images(plan, known)

    def read(number: int) -> LabelledImage:
        picked = chosen[number]
        content = shift_image(picked.path.read_bytes(), plan.shift, plan.strength)
        return LabelledImage(plan.name(picked.image_id), picked.label, content)

    yield from _prepare_ahead(read, range(plan.images))


def _choose_images(plan: TrafficPlan, known: Sequence[HeldOutImage]) -> list[HeldOutImage]:
    counts = Counter(each.label for each in known)
    odds = plan.odds(counts)
    weights = np.array([odds[each.label] / counts[each.label] for each in known])
    rng = np.random.default_rng([plan.seed, _RANDOM_STREAM])
    picked = rng.choice(len(known), plan.images, replace=False, p=weights / weights.sum())
    return [known[int(position)] for position in picked]


def _prepare_ahead(make: Callable[[int], LabelledImage], numbers: range) -> Iterator[LabelledImage]:
    """Yield the results of `make` for `numbers` in order, computing a few of them ahead."""
    with ThreadPoolExecutor(_WORKERS) as pool:
        for start in range(0, len(numbers), _IMAGES_AHEAD):
            yield from pool.map(make, numbers[start : start + _IMAGES_AHEAD])
