# SPDX-License-Identifier: MIT-0
"""What may change between the pictures that a model was tested on and those that production sends.

Each shift works on the bytes of a picture (JPEG in, JPEG out) and is the same for the same bytes. `MIX` alone leaves
pictures as they are and changes which are sent.

The pictures that `traffic` sends: newly drawn ones, or those that a run held out; the same for the same seed.
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
_JPEG_QUALITY: Final = 98  # of the synthetic pictures; a camera's own is about that
_CAST: Final = (1.12, 1.0, 0.82)  # red, green, blue: a warm lamp
_BLUR: Final = 3.0  # pixels: out of focus
_DARK: Final = 0.55  # of the light
_DEVICE_SIZE: Final = (1024, 768)  # pixels: another dataset's, as ISIC's other archives hold
_DEVICE_QUALITY: Final = 75

ImageShift = Callable[[Image.Image, float], Image.Image]


def shift_image(picture: bytes, shift: str, strength: float = 1.0) -> bytes:
    """Return the JPEG `picture` as it looks after `shift`; what is written in it beside the pixels stays.

    Args:
        picture: JPEG bytes.
        shift: one of `SHIFTS`.
        strength: how much of it: 0 is none, 1 all.
    """
    change = _CHANGES.get(shift)
    if change is None or strength == 0:
        return picture
    with Image.open(io.BytesIO(picture)) as opened:
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
    """Return the picture as another device takes it: more pixels, and a round black frame as wide as `strength`."""
    width, height = _DEVICE_SIZE
    seen = Image.new("L", _DEVICE_SIZE)
    reach = (np.hypot(width, height) * (1 - strength) + 0.98 * height * strength) / 2
    ends = (width / 2 - reach, height / 2 - reach, width / 2 + reach, height / 2 + reach)
    ImageDraw.Draw(seen).ellipse(ends, fill=255)
    larger = image.resize(_DEVICE_SIZE, Image.Resampling.BICUBIC)
    return Image.composite(larger, Image.new("RGB", _DEVICE_SIZE), seen)


_DEVICE_SHIFT: Final = "other"
_CHANGES: Final[Mapping[str, ImageShift]] = {
    "colour": _shift_colour,
    "blur": _blur_image,
    "dark": _darken_image,
    _DEVICE_SHIFT: _imitate_device,
}
SHIFT_DESCRIPTIONS: Final = {
    NO_SHIFT: "pictures as the model was tested on",
    "colour": "a warm cast",
    "blur": "out of focus",
    "dark": "about half of the light",
    CLASS_MIX_SHIFT: "every class as often as every other",
    _DEVICE_SHIFT: "another device: more pixels, stronger compression, a round black frame",
}


_RANDOM_STREAM: Final = 5077  # of random numbers, apart from those of the sample archive
_WORKERS: Final = 2
_IMAGES_AHEAD: Final = 16  # pictures drawn ahead: about 4 MB


@dataclass(frozen=True)
class TrafficPlan:
    """What is sent.

    Attributes:
        images: how many pictures.
        shift: one of `local.endpoint.traffic_images.SHIFT_DESCRIPTIONS`.
        seed: what they are drawn from, from 0.
        strength: of the shift, 0 to 1.
        camera: seed of the archive whose camera takes them: grain and irregularities are those of its pictures.
    """

    images: int
    shift: str = NO_SHIFT
    seed: int = 1
    strength: float = 1.0
    camera: int = demo_archive.DEMO_SEED

    def name(self, picture: str) -> str:
        """Return the inference id of a picture."""
        return f"{self.shift}-{self.seed}-{picture}"

    def odds(self, counts: Mapping[str, int]) -> dict[str, float]:
        """Return how likely each class is that has `counts` pictures: by them, or more alike where the mix shifts."""
        total, even = sum(counts.values()), self.strength if self.shift == CLASS_MIX_SHIFT else 0.0
        return {label: (1 - even) * count / total + even / len(counts) for label, count in counts.items()}


def draw_images(plan: TrafficPlan) -> Iterator[LabelledImage]:
    """Yield newly drawn pictures, no two of one lesion, in the proportions of HAM10000."""
    odds = plan.odds(synthetic_cohort.REAL_IMAGES)
    labels = np.random.default_rng([plan.seed, _RANDOM_STREAM]).choice(list(odds), plan.images, p=list(odds.values()))
    studio = lesion_drawing.LesionRenderer(plan.camera)

    def draw(number: int) -> LabelledImage:
        label = str(labels[number])
        rng = np.random.default_rng([plan.seed, _RANDOM_STREAM, number])
        picture = studio.picture(lesion_drawing.random_lesion(label, rng), rng)
        return LabelledImage(plan.name(f"{number:06d}"), label, shift_image(picture, plan.shift, plan.strength))

    yield from _made_ahead(draw, range(plan.images))


def pick_held_out_images(plan: TrafficPlan, record: ExecutionRecord) -> Iterator[LabelledImage]:
    """Yield pictures that the run held out and judged its model by, each at most once.

    Raises:
        UsageError: there are fewer, or the run has none.
    """
    known = run_selection.read_held_out_images(record)
    if plan.images > len(known):
        raise UsageError(f"--images {plan.images}: the run held out {len(known)}. Ask for {len(known)} or fewer.")
    chosen = _choose_images(plan, known)

    def read(number: int) -> LabelledImage:
        picked = chosen[number]
        content = shift_image(picked.path.read_bytes(), plan.shift, plan.strength)
        return LabelledImage(plan.name(picked.image_id), picked.label, content)

    yield from _made_ahead(read, range(plan.images))


def _choose_images(plan: TrafficPlan, known: Sequence[HeldOutImage]) -> list[HeldOutImage]:
    counts = Counter(each.label for each in known)
    odds = plan.odds(counts)
    weights = np.array([odds[each.label] / counts[each.label] for each in known])
    rng = np.random.default_rng([plan.seed, _RANDOM_STREAM])
    picked = rng.choice(len(known), plan.images, replace=False, p=weights / weights.sum())
    return [known[int(position)] for position in picked]


def _made_ahead(make: Callable[[int], LabelledImage], numbers: range) -> Iterator[LabelledImage]:
    """Yield what `make` returns for each of `numbers` in their order, a few of them made ahead."""
    with ThreadPoolExecutor(_WORKERS) as pool:
        for start in range(0, len(numbers), _IMAGES_AHEAD):
            yield from pool.map(make, numbers[start : start + _IMAGES_AHEAD])
