# SPDX-License-Identifier: MIT-0
"""Draws synthetic dermatoscopic images: similar enough to real ones to exercise the pipeline, and of no patient.

A lesion has an outline, two colours, blobs and a network of lines, all varied around the style of its class. The
classes overlap on purpose: each lesion is a mixture with a class that doctors confuse with its own, mostly a little,
sometimes far. Each image of a lesion has its own light, tint, rotation, zoom, hair and grain.
Colours are sRGB from 0 to 255, lengths are fractions of the image's height.
"""

import colorsys
import io
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pipeline_src import contract

Colour = tuple[float, float, float]
FIELD_SIZE: Final = 256  # side of the periodic noise field from which irregular patterns are read


@dataclass(frozen=True)
class LesionStyle:
    """Appearance of the lesions of one class, before each lesion's own variation."""

    base: Colour
    second: Colour
    variegation: float  # share of `second`
    radius: float
    elongation: float
    irregularity: float  # of the outline, as a fraction of the radius
    softness: float  # width of the border, as a fraction of the radius
    blob: Colour
    blobs: float
    blob_size: float
    blob_spread: float  # 0: all in the centre; 1: up to the border
    blob_strength: float  # 1: opaque
    network: float  # contrast of the pigment network
    lean: float  # mean share of a similar class in a lesion's style


STYLES_BY_CLASS: Final = {
    "nv": LesionStyle(
        base=(146, 98, 76), second=(112, 74, 60), variegation=0.4,
        radius=0.18, elongation=1.15, irregularity=0.04, softness=0.18,
        blob=(90, 60, 50), blobs=3, blob_size=0.02, blob_spread=0.7, blob_strength=0.5,
        network=0.25, lean=0.11,
    ),
    "mel": LesionStyle(
        base=(104, 72, 64), second=(58, 46, 56), variegation=0.9,
        radius=0.3, elongation=1.25, irregularity=0.13, softness=0.14,
        blob=(112, 118, 140), blobs=3, blob_size=0.07, blob_spread=0.6, blob_strength=0.6,
        network=0.25, lean=0.13,
    ),
    "bkl": LesionStyle(
        base=(178, 134, 92), second=(132, 98, 70), variegation=0.5,
        radius=0.3, elongation=1.4, irregularity=0.07, softness=0.05,
        blob=(86, 62, 48), blobs=14, blob_size=0.02, blob_spread=0.9, blob_strength=0.7,
        network=0.0, lean=0.1,
    ),
    "bcc": LesionStyle(
        base=(206, 142, 138), second=(186, 112, 112), variegation=0.4,
        radius=0.26, elongation=1.2, irregularity=0.09, softness=0.2,
        blob=(92, 92, 122), blobs=7, blob_size=0.036, blob_spread=0.8, blob_strength=0.7,
        network=0.0, lean=0.13,
    ),
    "akiec": LesionStyle(
        base=(198, 116, 100), second=(178, 92, 82), variegation=0.6,
        radius=0.32, elongation=1.2, irregularity=0.11, softness=0.34,
        blob=(236, 222, 186), blobs=12, blob_size=0.03, blob_spread=0.9, blob_strength=0.6,
        network=0.0, lean=0.12,
    ),
    "vasc": LesionStyle(
        base=(172, 44, 66), second=(118, 30, 74), variegation=0.6,
        radius=0.21, elongation=1.15, irregularity=0.08, softness=0.07,
        blob=(96, 28, 56), blobs=7, blob_size=0.045, blob_spread=0.8, blob_strength=0.7,
        network=0.0, lean=0.05,
    ),
    "df": LesionStyle(
        base=(178, 108, 102), second=(150, 90, 86), variegation=0.4,
        radius=0.25, elongation=1.1, irregularity=0.04, softness=0.2,
        blob=(240, 216, 206), blobs=1, blob_size=0.14, blob_spread=0.1, blob_strength=0.9,
        network=0.12, lean=0.05,
    ),
}  # fmt: skip
LOOK_ALIKES: Final = {
    "nv": ("mel", "df"),
    "mel": ("nv", "bkl"),
    "bkl": ("nv", "mel", "akiec"),
    "bcc": ("akiec", "bkl"),
    "akiec": ("bkl", "bcc"),
    "vasc": ("bcc",),
    "df": ("nv", "bcc"),
}


def style_of_class(label: str) -> LesionStyle:
    """Return the appearance of class `label`: its row of `STYLES_BY_CLASS`, or one derived from its position.

    The default colours run from green to violet, which no row of the table has, so that a model can learn the class.
    """
    if label in STYLES_BY_CLASS:
        return STYLES_BY_CLASS[label]
    position = contract.CLASS_LABELS.index(label)
    hue = 0.25 + 0.5 * (position * 0.618 % 1)  # multiples of the golden ratio lie far apart
    base, second = _colour(hue, 0.7), _colour(hue, 0.5)
    return LesionStyle(
        base=base, second=second, variegation=0.5,
        radius=0.2 + 0.03 * (position % 5), elongation=1.2, irregularity=0.08, softness=0.15,
        blob=second, blobs=5, blob_size=0.04, blob_spread=0.8, blob_strength=0.6,
        network=0.0, lean=0.08,
    )  # fmt: skip


def _colour(hue: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.5, value)
    return 255 * red, 255 * green, 255 * blue


def look_alikes(label: str) -> tuple[str, ...]:
    """Return the classes that class `label` is confused with; for one without a row, the first class."""
    return LOOK_ALIKES.get(label, contract.CLASS_LABELS[:1])


@dataclass(frozen=True)
class SyntheticLesion:
    """One lesion, the same in all its images."""

    style: LesionStyle
    outline: NDArray[np.float32]  # radius by angle in 360 steps
    turn: float  # angle of the long axis, in radians
    blobs: tuple[tuple[float, float, float], ...]  # x and y from the centre, and size
    offset: tuple[int, int]  # start of its pattern in the noise field


def random_lesion(label: str, rng: np.random.Generator) -> SyntheticLesion:
    """Return a random lesion of class `label`."""
    own, others = style_of_class(label), look_alikes(label)
    other = style_of_class(others[rng.integers(len(others))])
    style = _vary_style(_mix_styles(own, other, float(rng.beta(1, 1 / own.lean - 1))), rng)
    angles = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    outline = np.ones(360)
    for waves in range(2, 8):
        size = style.irregularity * rng.normal() / np.sqrt(waves - 1)
        outline += size * np.cos(waves * angles + rng.uniform(0, 2 * np.pi))
    reach = style.radius * style.blob_spread
    blobs = tuple(_random_blob(style, reach, rng) for _ in range(round(style.blobs * rng.uniform(0.7, 1.3))))
    offset = (int(rng.integers(FIELD_SIZE)), int(rng.integers(FIELD_SIZE)))
    outline = style.radius * np.clip(outline, 0.4, 1.8)
    return SyntheticLesion(style, outline.astype(np.float32), float(rng.uniform(0, np.pi)), blobs, offset)


def _mix_styles(own: LesionStyle, other: LesionStyle, share: float) -> LesionStyle:
    """Return the mixture of two styles, with weight `share` for `other`."""
    mixed: dict[str, Any] = {}
    for name, mine in vars(own).items():
        theirs = getattr(other, name)
        if isinstance(mine, tuple):
            mixed[name] = tuple((1 - share) * a + share * b for a, b in zip(mine, theirs, strict=True))
        else:
            mixed[name] = (1 - share) * mine + share * theirs
    return LesionStyle(**mixed)


def _random_blob(style: LesionStyle, reach: float, rng: np.random.Generator) -> tuple[float, float, float]:
    away, angle = reach * np.sqrt(rng.uniform()), rng.uniform(0, 2 * np.pi)
    return float(away * np.cos(angle)), float(away * np.sin(angle)), style.blob_size * rng.uniform(0.7, 1.3)


def _vary_style(style: LesionStyle, rng: np.random.Generator) -> LesionStyle:
    values: dict[str, Any] = dict(vars(style))
    shade = rng.normal(1, 0.07)
    tint = rng.normal(1, 0.025, 3)
    for name in ("base", "second", "blob"):
        values[name] = tuple(float(value) for value in np.array(values[name]) * shade * tint)
    for name in ("radius", "softness", "irregularity", "variegation", "blob_size"):
        values[name] *= float(np.exp(rng.normal(0, 0.15)))
    values["elongation"] *= float(np.exp(rng.normal(0, 0.08)))
    return LesionStyle(**values)


SYNTHETIC_NOTICE: Final = (
    "SYNTHETIC: drawn by the skin-lesion-mlops project's sample generator. Not an image of any patient."
)
IMAGE_WIDTH: Final = 600
IMAGE_HEIGHT: Final = 450
_DRAWING_SCALE: Final = 3  # shapes are drawn at a third of the size and enlarged; grain and hair at full size
# Maximum grain in grey levels. The drawing keeps this distance from black and white, so that no value wraps around.
_GRAIN_LIMIT: Final = 40
_IMAGE_DESCRIPTION: Final = 0x010E  # the EXIF tag, TIFF 6.0

FloatArray = NDArray[np.float32]
ByteArray = NDArray[np.uint8]


class LesionRenderer:
    """Renders images of lesions; the grain and the noise field are drawn once from the seed."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng([seed, 0])
        self._field = _smooth_field(rng)
        self._grain = _random_grain(rng)
        y, x = np.mgrid[0 : IMAGE_HEIGHT // _DRAWING_SCALE, 0 : IMAGE_WIDTH // _DRAWING_SCALE].astype(np.float32) * (
            _DRAWING_SCALE / IMAGE_HEIGHT
        )
        self._x, self._y = x - IMAGE_WIDTH / IMAGE_HEIGHT / 2, y - np.float32(0.5)
        self._exif = Image.Exif()
        self._exif[_IMAGE_DESCRIPTION] = SYNTHETIC_NOTICE

    def picture(self, subject: SyntheticLesion, rng: np.random.Generator) -> bytes:
        """Return an image of `subject` as JPEG bytes (RGB, 600 x 450); `rng` draws view, light and hair."""
        colours = self._skin(rng)
        self._paint(colours, subject, rng)
        colours *= self._light(rng)[..., None]
        colours *= (rng.normal(1, 0.05) * rng.normal(1, 0.025, 3)).astype(np.float32)
        np.clip(colours, _GRAIN_LIMIT, 255 - _GRAIN_LIMIT, out=colours)
        image = Image.fromarray(colours.astype(np.uint8)).resize((IMAGE_WIDTH, IMAGE_HEIGHT), Image.Resampling.BILINEAR)
        _draw_hairs(ImageDraw.Draw(image), rng)
        row, column = rng.integers(0, 150, 2)
        grain = self._grain[row : row + IMAGE_HEIGHT, column : column + IMAGE_WIDTH]
        file = io.BytesIO()
        finished = Image.fromarray(np.asarray(image) + grain)
        finished.save(file, "JPEG", quality=98, exif=self._exif, comment=SYNTHETIC_NOTICE.encode())
        return file.getvalue()

    def _skin(self, rng: np.random.Generator) -> FloatArray:
        tone = rng.beta(1.5, 3.5)
        colour = np.array((212, 170, 156)) * (1 - tone) + np.array((186, 142, 120)) * tone
        colour += rng.normal(0, 4, 3)
        shift = rng.integers(0, FIELD_SIZE, 2)
        mottle = self._read(self._x * 120, self._y * 120, (int(shift[0]), int(shift[1])))
        return colour.astype(np.float32) * (1 + 0.045 * mottle[..., None])

    def _paint(self, colours: FloatArray, subject: SyntheticLesion, rng: np.random.Generator) -> None:
        """Paint `subject` onto the skin `colours` (height, width, 3), in place."""
        style = subject.style
        turn, zoom = rng.uniform(0, 2 * np.pi), np.exp(rng.normal(0, 0.1))
        x, y = self._x - np.float32(rng.normal(0, 0.03)), self._y - np.float32(rng.normal(0, 0.03))
        u, v = _rotate_points(x, y, turn, 1 / zoom)
        pattern = self._read(u * 220, v * 220, subject.offset)
        along, across = _rotate_points(u, v, subject.turn, 1)
        away = np.hypot(along / np.sqrt(style.elongation), across * np.sqrt(style.elongation))
        angle = (np.arctan2(across, along) * (180 / np.pi)).astype(np.int16) % 360
        edge = subject.outline[angle]
        inside = _smooth_step((1 + 0.12 * style.irregularity * pattern - away / edge) / style.softness)
        spots = _smooth_step(pattern * 3 - 1 + 2 * style.variegation) * np.float32(min(1.0, style.variegation))
        paint = _blend_colours(_colour_array(style.base), _colour_array(style.second), spots)
        lines = np.sin(along * 95 + 2 * pattern) * np.sin(across * 95 + 2 * pattern)
        paint *= (1 - style.network * np.clip(lines, 0, 1))[..., None]
        blob = np.full_like(u, -9)
        for blob_x, blob_y, size in subject.blobs:
            distance = (u - np.float32(blob_x)) ** 2 + (v - np.float32(blob_y)) ** 2
            np.maximum(blob, distance * np.float32(-1 / size**2), out=blob)
        shown = _smooth_step(1.3 + blob + 0.5 * pattern) * np.float32(style.blob_strength)
        paint += (_colour_array(style.blob) - paint) * shown[..., None]
        colours += (paint - colours) * (0.94 * inside)[..., None]

    def _light(self, rng: np.random.Generator) -> FloatArray:
        """Return the brightness (height, width): a gradient, and the dark corners of a dermatoscope."""
        angle, steepness = rng.uniform(0, 2 * np.pi), np.float32(rng.uniform(0, 0.2))
        slope: FloatArray = 1 + steepness * _rotate_points(self._x, self._y, angle, 1)[0]
        corner = np.float32(rng.uniform(0.62, 1.0))
        tube = _smooth_step((corner - np.hypot(self._x, self._y)) * 14)
        dark = np.float32(rng.uniform(0.45, 0.9))
        return slope * (dark + (1 - dark) * tube)

    def _read(self, x: FloatArray, y: FloatArray, offset: tuple[int, int]) -> FloatArray:
        """Return the noise field's values, about -1 to 1, at the points `x`, `y` plus `offset`."""
        rows = (y.astype(np.int32) + offset[0]) % FIELD_SIZE
        columns = (x.astype(np.int32) + offset[1]) % FIELD_SIZE
        return self._field[rows, columns]


def _smooth_field(rng: np.random.Generator) -> FloatArray:
    """Return periodic noise (256, 256) of unit variance, clipped at 2.5, whose power falls with the frequency."""
    spectrum = np.fft.fft2(rng.normal(size=(FIELD_SIZE, FIELD_SIZE)))
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(FIELD_SIZE), np.fft.fftfreq(FIELD_SIZE)))
    noise = np.fft.ifft2(spectrum / (frequency + 0.012) ** 1.7).real
    noise = (noise - noise.mean()) / noise.std()
    smooth: FloatArray = np.clip(noise, -2.5, 2.5).astype(np.float32)
    return smooth


def _random_grain(rng: np.random.Generator) -> ByteArray:
    """Return grain (600, 750, 3) as bytes to add modulo 256: mostly grey, a little coloured."""
    shape = (IMAGE_HEIGHT + 150, IMAGE_WIDTH + 150)
    grey = rng.normal(0, 13, shape)[..., None] + rng.normal(0, 7, (*shape, 3))
    return np.clip(np.rint(grey), -_GRAIN_LIMIT, _GRAIN_LIMIT).astype(np.int8).view(np.uint8)


def _draw_hairs(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    shade = rng.uniform(45, 100)
    for _ in range(rng.poisson(rng.choice((0.5, 3, 10), p=(0.5, 0.35, 0.15)))):
        x, y = rng.uniform(0, IMAGE_WIDTH), rng.uniform(0, IMAGE_HEIGHT)
        angle, bend = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.09)
        points = [(x, y)]
        for _ in range(int(rng.integers(4, 12))):
            x, y, angle = x + 32 * np.cos(angle), y + 32 * np.sin(angle), angle + bend
            points.append((x, y))
        colour = (int(shade * 1.1), int(shade * 0.95), int(shade * 0.9))
        draw.line(
            points, fill=tuple(max(_GRAIN_LIMIT, part) for part in colour), width=int(rng.integers(1, 4)), joint="curve"
        )


def _rotate_points(x: FloatArray, y: FloatArray, angle: float, scale: float) -> tuple[FloatArray, FloatArray]:
    cosine, sine = np.float32(scale * np.cos(angle)), np.float32(scale * np.sin(angle))
    return x * cosine + y * sine, y * cosine - x * sine


def _smooth_step(values: FloatArray) -> FloatArray:
    """Return a smooth step: 0 below -1, 1/2 at zero, 1 above 1."""
    clipped = np.clip(values * np.float32(0.5) + np.float32(0.5), 0, 1)
    smooth: FloatArray = clipped * clipped * (3 - 2 * clipped)
    return smooth


def _colour_array(values: Colour) -> FloatArray:
    return np.array(values, dtype=np.float32)


def _blend_colours(first: FloatArray, second: FloatArray, share: FloatArray) -> FloatArray:
    return first + (second - first) * share[..., None]
