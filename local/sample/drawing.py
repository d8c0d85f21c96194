# SPDX-License-Identifier: MIT-0
"""Draws pictures that look enough like dermatoscopic ones to exercise the pipeline, and like no patient.

A picture shows a lesion (see `appearance`) and adds what the camera adds, anew each time: light, tint, turn, zoom,
hair, grain. Colours are sRGB from 0 to 255, lengths are fractions of the picture's height.
"""

import io
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from local.sample.appearance import FIELD, Colour, Lesion

NOTICE: Final = "SYNTHETIC: drawn by the skin-lesion-mlops project's sample generator. Not an image of any patient."
WIDTH: Final = 600
HEIGHT: Final = 450
_SCALE: Final = 3  # shapes are drawn at a third of the size and enlarged; grain and hair come at full size
_GRAIN: Final = 40  # largest grain in grey levels; the drawing keeps this far from black and white, so none wraps round
_IMAGE_DESCRIPTION: Final = 0x010E  # the EXIF tag, TIFF 6.0

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


class Studio:
    """Takes pictures of lesions; the grain and the irregular field are drawn once from the seed."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng([seed, 0])
        self._field = _smooth_field(rng)
        self._grain = _grain(rng)
        y, x = np.mgrid[0 : HEIGHT // _SCALE, 0 : WIDTH // _SCALE].astype(np.float32) * (_SCALE / HEIGHT)
        self._x, self._y = x - WIDTH / HEIGHT / 2, y - np.float32(0.5)
        self._exif = Image.Exif()
        self._exif[_IMAGE_DESCRIPTION] = NOTICE

    def picture(self, subject: Lesion, rng: np.random.Generator) -> bytes:
        """Return one picture of `subject` as JPEG bytes (RGB, 600 x 450), the view drawn from `rng`."""
        colours = self._skin(rng)
        self._paint(colours, subject, rng)
        colours *= self._light(rng)[..., None]
        colours *= (rng.normal(1, 0.05) * rng.normal(1, 0.025, 3)).astype(np.float32)
        np.clip(colours, _GRAIN, 255 - _GRAIN, out=colours)
        image = Image.fromarray(colours.astype(np.uint8)).resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
        _hairs(ImageDraw.Draw(image), rng)
        row, column = rng.integers(0, 150, 2)
        grain = self._grain[row : row + HEIGHT, column : column + WIDTH]
        file = io.BytesIO()
        finished = Image.fromarray(np.asarray(image) + grain)
        finished.save(file, "JPEG", quality=98, exif=self._exif, comment=NOTICE.encode())
        return file.getvalue()

    def _skin(self, rng: np.random.Generator) -> Floats:
        tone = rng.beta(1.5, 3.5)
        colour = np.array((212, 170, 156)) * (1 - tone) + np.array((186, 142, 120)) * tone
        colour += rng.normal(0, 4, 3)
        shift = rng.integers(0, FIELD, 2)
        mottle = self._read(self._x * 120, self._y * 120, (int(shift[0]), int(shift[1])))
        return colour.astype(np.float32) * (1 + 0.045 * mottle[..., None])

    def _paint(self, colours: Floats, subject: Lesion, rng: np.random.Generator) -> None:
        """Paint `subject` onto the skin `colours` (height, width, 3), in place."""
        style = subject.style
        turn, zoom = rng.uniform(0, 2 * np.pi), np.exp(rng.normal(0, 0.1))
        x, y = self._x - np.float32(rng.normal(0, 0.03)), self._y - np.float32(rng.normal(0, 0.03))
        u, v = _turned(x, y, turn, 1 / zoom)
        pattern = self._read(u * 220, v * 220, subject.offset)
        along, across = _turned(u, v, subject.turn, 1)
        away = np.hypot(along / np.sqrt(style.elongation), across * np.sqrt(style.elongation))
        angle = (np.arctan2(across, along) * (180 / np.pi)).astype(np.int16) % 360
        edge = subject.outline[angle]
        inside = _step((1 + 0.12 * style.irregularity * pattern - away / edge) / style.softness)
        spots = _step(pattern * 3 - 1 + 2 * style.variegation) * np.float32(min(1.0, style.variegation))
        paint = _blend(_colour(style.base), _colour(style.second), spots)
        lines = np.sin(along * 95 + 2 * pattern) * np.sin(across * 95 + 2 * pattern)
        paint *= (1 - style.network * np.clip(lines, 0, 1))[..., None]
        blob = np.full_like(u, -9)
        for blob_x, blob_y, size in subject.blobs:
            distance = (u - np.float32(blob_x)) ** 2 + (v - np.float32(blob_y)) ** 2
            np.maximum(blob, distance * np.float32(-1 / size**2), out=blob)
        shown = _step(1.3 + blob + 0.5 * pattern) * np.float32(style.blob_strength)
        paint += (_colour(style.blob) - paint) * shown[..., None]
        colours += (paint - colours) * (0.94 * inside)[..., None]

    def _light(self, rng: np.random.Generator) -> Floats:
        """Return the brightness (height, width): a gradient, and the dark corners of a dermatoscope's tube."""
        angle, steepness = rng.uniform(0, 2 * np.pi), np.float32(rng.uniform(0, 0.2))
        slope: Floats = 1 + steepness * _turned(self._x, self._y, angle, 1)[0]
        corner = np.float32(rng.uniform(0.62, 1.0))
        tube = _step((corner - np.hypot(self._x, self._y)) * 14)
        dark = np.float32(rng.uniform(0.45, 0.9))
        return slope * (dark + (1 - dark) * tube)

    def _read(self, x: Floats, y: Floats, offset: tuple[int, int]) -> Floats:
        """Return the field's values, about -1 to 1, at the points `x`, `y` past `offset`."""
        rows = (y.astype(np.int32) + offset[0]) % FIELD
        columns = (x.astype(np.int32) + offset[1]) % FIELD
        return self._field[rows, columns]


def _smooth_field(rng: np.random.Generator) -> Floats:
    """Return periodic smooth noise (256, 256) of unit variance cut at 2.5, its power falling with frequency."""
    spectrum = np.fft.fft2(rng.normal(size=(FIELD, FIELD)))
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(FIELD), np.fft.fftfreq(FIELD)))
    noise = np.fft.ifft2(spectrum / (frequency + 0.012) ** 1.7).real
    noise = (noise - noise.mean()) / noise.std()
    smooth: Floats = np.clip(noise, -2.5, 2.5).astype(np.float32)
    return smooth


def _grain(rng: np.random.Generator) -> Bytes:
    """Return grain (600, 750, 3) as bytes to add modulo 256: mostly grey, a little coloured."""
    shape = (HEIGHT + 150, WIDTH + 150)
    grey = rng.normal(0, 13, shape)[..., None] + rng.normal(0, 7, (*shape, 3))
    return np.clip(np.rint(grey), -_GRAIN, _GRAIN).astype(np.int8).view(np.uint8)


def _hairs(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    shade = rng.uniform(45, 100)
    for _ in range(rng.poisson(rng.choice((0.5, 3, 10), p=(0.5, 0.35, 0.15)))):
        x, y = rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT)
        angle, bend = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.09)
        points = [(x, y)]
        for _ in range(int(rng.integers(4, 12))):
            x, y, angle = x + 32 * np.cos(angle), y + 32 * np.sin(angle), angle + bend
            points.append((x, y))
        colour = (int(shade * 1.1), int(shade * 0.95), int(shade * 0.9))
        draw.line(
            points, fill=tuple(max(_GRAIN, part) for part in colour), width=int(rng.integers(1, 4)), joint="curve"
        )


def _turned(x: Floats, y: Floats, angle: float, scale: float) -> tuple[Floats, Floats]:
    cosine, sine = np.float32(scale * np.cos(angle)), np.float32(scale * np.sin(angle))
    return x * cosine + y * sine, y * cosine - x * sine


def _step(values: Floats) -> Floats:
    """Return a soft step: 0 well below zero, 1/2 at zero, 1 well above."""
    clipped = np.clip(values * np.float32(0.5) + np.float32(0.5), 0, 1)
    smooth: Floats = clipped * clipped * (3 - 2 * clipped)
    return smooth


def _colour(values: Colour) -> Floats:
    return np.array(values, dtype=np.float32)


def _blend(first: Floats, second: Floats, share: Floats) -> Floats:
    return first + (second - first) * share[..., None]
